import { type Logger, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'

import type { Settings } from '../wire/settings.ts'

export type { Logger } from 'pino'

export interface LineStream {
  write(line: string): void
}

/** What the sentence of an event already says. */
const SAID =
  'event,model,version,tookMs,notice,from,leasesLeft,pid,cause,reason,restartMs,delayMs,code,' +
  'step,engine,host,port,signal,path'

/** Whether logs are for a person to read: on a terminal, or by choice. */
export function isReadable({ logFormat }: Settings): boolean {
  return logFormat === 'pretty' || (logFormat === 'auto' && process.stdout.isTTY)
}

/** JSON lines, or readable ones where a person is looking. */
export function createLogger(settings: Settings, output: LineStream): Logger {
  const options = {
    level: settings.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  if (!isReadable(settings)) return pino(options, output)
  const format = prettyFactory({
    colorize: process.stdout.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: SAID,
  })
  return pino(options, { write: (line) => output.write(format(line)) })
}

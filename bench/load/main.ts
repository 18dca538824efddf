import { messageOf } from '../../src/domain/errors.ts'
import { wallClockMs } from '../lib/statistics.ts'
import { type Answer, Connection } from './connection.ts'
import type { Expected, Failure, LoadCommand, LoadMessage, LoadPlan } from './protocol.ts'

/** The load process: its own, so that neither its event loop nor its garbage disturbs others. */
const ANSWER_TIMEOUT_MS = 60_000
/** A connection that was refused waits before it tries again, as a client would. */
const RETRY_MS = 20

const send = (message: LoadMessage): void => void process.send?.(message)
let current = new AbortController()

async function apply(plan: LoadPlan, { signal }: AbortController): Promise<void> {
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const finishedAtMs: number[] = []
  const latenciesMs: number[] = []
  const failures: Failure[] = []
  const versions = new Set<string>()

  const tellOfVersion = (version: string): void => {
    if (version === '' || versions.has(version)) return
    versions.add(version)
    send({ kind: 'version', version, atMs: wallClockMs() })
  }

  const loop = async (): Promise<void> => {
    const connection = new Connection(plan.host, plan.port, ANSWER_TIMEOUT_MS)
    while (!signal.aborted && performance.now() - startedAt < plan.seconds * 1000) {
      const sentAt = performance.now()
      let reason: string | undefined
      try {
        const answer = await connection.exchange(plan.request)
        reason = flawOf(answer, plan.expected)
        if (plan.expected.kind === 'class') tellOfVersion(answer.header('x-model-version'))
      } catch (error) {
        reason = messageOf(error)
      }
      const atMs = wallClockMs()
      finishedAtMs.push(atMs)
      latenciesMs.push(performance.now() - sentAt)
      if (reason !== undefined) {
        failures.push({ atMs, reason })
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: plan.connections }, loop))

  const { user, system } = process.cpuUsage(cpuBefore)
  send({
    kind: 'result',
    finishedAtMs: Float64Array.from(finishedAtMs),
    latenciesMs: Float64Array.from(latenciesMs),
    failures,
    cpuMicrosecondsPerRequest: (user + system) / finishedAtMs.length,
  })
}

/** Undefined for the right answer. */
function flawOf({ status, body }: Answer, expected: Expected): string | undefined {
  if (status === 200 && expected.kind === 'body' && body.equals(expected.bytes)) return undefined
  const text = body.toString('utf8')
  if (status !== 200 || expected.kind === 'body') return `${status} ${text.slice(0, 300)}`
  const answered = (JSON.parse(text) as { class_index?: unknown }).class_index
  return answered === expected.index
    ? undefined
    : `class ${String(answered)}, not ${expected.index}`
}

process.on('disconnect', () => process.exit(0))
process.on('message', (command: LoadCommand) => {
  if (command.kind === 'stop') current.abort()
  else void apply(command, (current = new AbortController()))
})
send({ kind: 'ready' })

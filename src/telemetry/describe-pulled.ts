import { describeBytes } from '../lib/describe-bytes.ts'

/** `4.0 MB of 18.5 MB` */
export function describePulled(pulled: { bytesDone: number; bytesTotal: number }): string {
  return `${describeBytes(pulled.bytesDone)} of ${describeBytes(pulled.bytesTotal)}`
}

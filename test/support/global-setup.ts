import { buildIfStale } from '../../scripts/build.mjs'

/** Tests start real processes: they run what users run, the compiled code. */
export default function setup(): void {
  buildIfStale()
}

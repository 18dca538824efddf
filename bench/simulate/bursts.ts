import type { Random } from './random.ts'
import type { Scenario } from './scenario.ts'

type BurstOptions = NonNullable<Scenario['bursts']>

/** Trouble that comes and goes: whether it is there at a time. Ask in ascending order of time. */
export function burstProcess(
  options: BurstOptions | undefined,
  random: Random,
): (ms: number) => boolean {
  if (options === undefined) return () => false
  let isOn = false
  let until = random.exponential(options.everyMean)
  return (ms) => {
    while (ms >= until) {
      isOn = !isOn
      until += random.exponential(isOn ? options.lastMean : options.everyMean)
    }
    return isOn
  }
}

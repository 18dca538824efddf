import type { RegistryProblem } from './source.ts'

/** Problems by what they say. */
export type Problems = ReadonlyMap<string, RegistryProblem>

/** Tells of those that were not there before, once each; answers them all. */
export function tellNew(
  problems: readonly RegistryProblem[],
  before: Problems,
  onProblem: (problem: RegistryProblem) => void,
): Problems {
  const now = new Map(problems.map((problem) => [`${problem.path}\0${problem.reason}`, problem]))
  for (const [text, problem] of now) if (!before.has(text)) onProblem(problem)
  return now
}

const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const VERSION = /^[1-9]\d{0,15}$/

/** Whether a name may be a model's: it becomes a path, a URL segment and a label as it is. */
export function isModelName(name: string): boolean {
  return MODEL_NAME.test(name)
}

/** A version's number from its decimal digits without leading zeros; undefined for all else. */
export function parseVersion(digits: string): number | undefined {
  const version = VERSION.test(digits) ? Number(digits) : undefined
  return Number.isSafeInteger(version) ? version : undefined
}

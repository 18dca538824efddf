/** The code of a system error, `ENOENT` and the like; undefined for anything else thrown. */
export function systemCode(thrown: unknown): string | undefined {
  const isCoded = thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
  return isCoded ? String(thrown.code) : undefined
}

/** Whether a path turned out not to exist: it is absent, or something on the way is a file. */
export function isAbsent(thrown: unknown): boolean {
  const code = systemCode(thrown)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** What a look at a path finds; undefined where the path turns out not to exist. */
export function unlessAbsent<T>(looking: Promise<T>): Promise<T | undefined> {
  return looking.catch((error: unknown) => {
    if (isAbsent(error)) return undefined
    throw error
  })
}

/** Whether there was no room left on a disk, or none for this user. */
export function isDiskFull(thrown: unknown): boolean {
  const code = systemCode(thrown)
  return code === 'ENOSPC' || code === 'EDQUOT'
}

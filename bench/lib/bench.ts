import type { LoadGenerator, LoadRecord } from '../load/load-generator.ts'
import type { Options } from './options.ts'

/** What every part of the benchmark works with. */
export interface Bench {
  readonly options: Options
  /** A fresh directory, removed at the end. */
  readonly workDir: string
  readonly load: LoadGenerator
  readonly progress: (what: string) => void
}

export interface PartReport {
  readonly title: string
  readonly rows: readonly Row[]
  /** Every number behind the rows, for the JSON file. */
  readonly data: Readonly<Record<string, unknown>>
}

export interface Row {
  readonly what: string
  readonly value: string
  /** What the project promises, and whether this run kept it. */
  readonly bar?: { readonly text: string; readonly met: boolean }
}

export const ms = (value: number): string => `${value.toFixed(1)} ms`
export const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
export const perSecond = (value: number): string => `${value.toFixed(1)}/s`

export function atMost(limit: number, value: number, unit = ''): NonNullable<Row['bar']> {
  return { text: `≤ ${limit}${unit}`, met: value <= limit }
}

export function atLeast(limit: number, value: number, unit = ''): NonNullable<Row['bar']> {
  return { text: `≥ ${limit}${unit}`, met: value >= limit }
}

/** `3 (2× 503 …, 1× connection closed)`. */
export function failuresText(records: readonly LoadRecord[]): string {
  const counts = new Map<string, number>()
  for (const { reason } of records.flatMap(({ failures }) => failures)) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  const total = records.reduce((sum, { failures }) => sum + failures.length, 0)
  const reasons = [...counts].slice(0, 3).map(([reason, count]) => `${count}× ${reason}`)
  return reasons.length === 0 ? String(total) : `${total} (${reasons.join(', ')})`
}

export function failureCount(records: readonly LoadRecord[]): number {
  return records.reduce((sum, { failures }) => sum + failures.length, 0)
}

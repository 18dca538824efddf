import { cpus, loadavg, totalmem } from 'node:os'

import type { PartReport } from './bench.ts'

/** The rows of every part as aligned text. */
export function formatReports(reports: readonly PartReport[]): string {
  const rows = reports.flatMap(({ rows }) => rows)
  const width = Math.max(...rows.map(({ what }) => what.length))
  const valueWidth = Math.max(
    ...rows.filter(({ bar }) => bar !== undefined).map(({ value }) => Math.min(value.length, 40)),
  )
  return reports
    .map(({ title, rows }) => {
      const lines = rows.map(({ what, value, bar }) => {
        const line = `  ${what.padEnd(width)}  ${bar ? value.padEnd(valueWidth) : value}`
        return bar === undefined ? line : `${line}  ${bar.met ? 'meets' : 'MISSES'} ${bar.text}`
      })
      return [title, ...lines].join('\n')
    })
    .join('\n\n')
}

/** Call it before anything is measured: the load average then tells of others at work. */
export function describeMachine(): Record<string, string | number> {
  const [cpu] = cpus()
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    node: process.version,
    loadAverageBefore: loadavg()[0] ?? 0,
    platform: `${process.platform} ${process.arch}`,
  }
}

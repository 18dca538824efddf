import type { RuleSummary, ScenarioSummary } from './summary.ts'

const HEAD = [
  '',
  'rolled back',
  '95 % interval',
  'paused',
  'promoted',
  'held',
  'canary requests until: median',
  'p90',
  'lost',
]

/** One scenario as a Markdown table, which reads well on a terminal, too. */
export function tableOf({ rules }: ScenarioSummary): string {
  const rows = [HEAD, HEAD.map((_, index) => (index === 0 ? '---' : '--:')), ...rules.map(rowOf)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map(
      (row) =>
        `| ${row.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join(' | ')} |`,
    )
    .join('\n')
}

function rowOf(summary: RuleSummary): string[] {
  const { rule, rolledBack, interval, paused, promoted, held, lostMean } = summary
  return [
    rule,
    percent(rolledBack),
    `${percent(interval[0])} – ${percent(interval[1])}`,
    percent(paused),
    percent(promoted),
    percent(held),
    whole(summary.requestsMedian),
    whole(summary.requestsP90),
    lostMean.toFixed(1),
  ]
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

function whole(value: number): string {
  return Number.isNaN(value) ? '–' : String(Math.round(value))
}

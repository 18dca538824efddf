import type { RuleSummary, ScenarioSummary } from './summary.ts'

const WIDTH = 720
const HEIGHT = 340
const FRAME = { left: 60, right: 20, top: 50, bottom: 50 }
/** Distinct for the colour-blind (Okabe and Ito). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7']
/** Points of a curve: more than can be seen. */
const POINTS_MAX = 200

/**
 * Of each rule, which share of the rollouts it had stopped after how many canary requests: for a
 * candidate that is as good the lower the better, for a worse one the further left.
 */
export function plotOf(summary: ScenarioSummary): string {
  const { rules, runs, scenario, candidate, alpha } = summary
  const longest = Math.max(10, ...rules.map(({ delays }) => delays.at(-1) ?? 0))
  const decades = Math.ceil(Math.log10(longest))
  const x = (requests: number) =>
    FRAME.left + (innerWidth * Math.log10(Math.max(1, requests))) / decades
  const y = (share: number) => HEIGHT - FRAME.bottom - innerHeight * share
  const ticks = Array.from({ length: decades + 1 }, (_, decade) => 10 ** decade)
  const title = `${scenario}: a candidate that is ${candidate === 'alike' ? 'as good' : 'worse'}, ${runs} rollouts`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    text(FRAME.left, 18, title, 'start', ' font-weight="bold"'),
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
      line(FRAME.left, y(share), WIDTH - FRAME.right, y(share), '#ddd'),
      text(FRAME.left - 6, y(share) + 4, `${100 * share} %`, 'end'),
    ]),
    ...ticks.flatMap((requests) => [
      line(x(requests), y(0), x(requests), y(0) + 4, '#333'),
      text(x(requests), y(0) + 18, String(requests), 'middle'),
    ]),
    text(FRAME.left + innerWidth / 2, HEIGHT - 12, 'canary requests', 'middle'),
    ...(candidate === 'alike'
      ? [
          line(
            FRAME.left,
            y(alpha),
            WIDTH - FRAME.right,
            y(alpha),
            '#d00',
            ' stroke-dasharray="4 3"',
          ),
        ]
      : []),
    ...rules.map((rule, index) => curve(rule, runs, COLOURS[index] ?? '#000', x, y, 10 ** decades)),
    ...rules.flatMap(({ rule }, index) => [
      line(
        FRAME.left + 150 * index,
        34,
        FRAME.left + 150 * index + 20,
        34,
        COLOURS[index] ?? '#000',
        ' stroke-width="3"',
      ),
      text(FRAME.left + 150 * index + 26, 38, rule, 'start'),
    ]),
    '</svg>',
    '',
  ].join('\n')
}

const innerWidth = WIDTH - FRAME.left - FRAME.right
const innerHeight = HEIGHT - FRAME.top - FRAME.bottom

function curve(
  { delays }: RuleSummary,
  runs: number,
  colour: string,
  x: (requests: number) => number,
  y: (share: number) => number,
  end: number,
): string {
  const stride = Math.max(1, Math.floor(delays.length / POINTS_MAX))
  const shown = delays.flatMap((requests, index) =>
    index % stride === 0 || index === delays.length - 1 ? [{ requests, index }] : [],
  )
  const steps = shown.map(
    ({ requests, index }) => `H${x(requests).toFixed(1)}V${y((index + 1) / runs).toFixed(1)}`,
  )
  return `<path d="M${x(1)} ${y(0)}${steps.join('')}H${x(end).toFixed(1)}" fill="none" stroke="${colour}" stroke-width="2"/>`
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, more = ''): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colour}"${more}/>`
}

function text(x: number, y: number, value: string, anchor: string, more = ''): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${more}>${escaped(value)}</text>`
}

function escaped(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

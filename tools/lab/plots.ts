// Bars as SVG text: stacked ones with one line for each label, and groups of thin ones. Colours are classes of the page's style.
// Knows nothing of what it draws.

export interface Series {
  name: string
  values: number[]
  colour: 'a' | 'b' | 'c' | 'd' | 'e' | 'f'
}

export interface GroupSeries extends Omit<Series, 'values'> {
  /** Null: there is none. */
  values: (number | null)[]
}

export interface BarOptions {
  unit: string
  digits: number
  /** What it shows, for those who do not see it. */
  title: string
  /** A thin line from the least to the most, for each label. */
  ranges?: readonly (readonly [number, number])[]
}

const WIDTH = 920
const LEFT = 190
const RIGHT = 70
const PLOT = WIDTH - LEFT - RIGHT
const ROW = 22
const BAR = 14
const THIN = 11
const TOP = 44

/** One stacked bar for each label. */
export function bars(labels: readonly string[], series: readonly Series[], options: BarOptions): string {
  const totals = labels.map((_, i) => series.reduce((sum, { values }) => sum + values[i], 0))
  const scale = scaleFor(Math.max(0, ...totals, ...(options.ranges ?? []).map(([, most]) => most)))
  const height = TOP + labels.length * ROW + 24
  const parts = [legend(series), grid(scale, height)]
  for (const [i, label] of labels.entries()) {
    const y = TOP + i * ROW
    let x = LEFT
    for (const { values, colour, name } of series) {
      const width = (values[i] / scale.most) * PLOT
      if (width > 0) {
        const title = `${label}: ${name} ${values[i].toFixed(options.digits)} ${options.unit}`
        parts.push(
          `<rect class="${colour}" x="${n(x)}" y="${y}" width="${n(width)}" height="${BAR}">${titleOf(title)}</rect>`,
        )
      }
      x += width
    }
    const range = options.ranges?.[i]
    if (range) parts.push(rangeLine(range, y + BAR / 2, scale.most))
    const end = Math.max(x, range ? LEFT + (range[1] / scale.most) * PLOT : 0)
    parts.push(
      text(LEFT - 8, y + 11, label, 'end'),
      text(end + 6, y + 11, totals[i].toFixed(options.digits), 'start', 'dim'),
    )
  }
  return svg(height, parts, options.title)
}

/** For each label a group of thin bars, one for each series. */
export function groupedBars(labels: readonly string[], series: readonly GroupSeries[], title: string): string {
  const scale = scaleFor(Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0))))
  const group = series.length * (THIN + 1) + 16
  const height = TOP + labels.length * group + 24
  const parts = [legend(series), grid(scale, height)]
  for (const [i, label] of labels.entries()) {
    const top = TOP + i * group
    parts.push(...words(label, 26).map((line, j) => text(LEFT - 8, top + 14 + j * 15, line, 'end')))
    for (const [j, { values, colour, name }] of series.entries()) {
      const y = top + j * (THIN + 1)
      const value = values[i]
      const width = ((value ?? 0) / scale.most) * PLOT
      if (value !== null && width > 0) {
        const said = titleOf(`${label}: ${name} ${value.toFixed(2)}`)
        parts.push(`<rect class="${colour}" x="${LEFT}" y="${y}" width="${n(width)}" height="${THIN}">${said}</rect>`)
      }
      parts.push(text(LEFT + Math.max(0, width) + 6, y + 10, value === null ? '–' : value.toFixed(2), 'start', 'dim'))
    }
  }
  return svg(height, parts, title)
}

export interface Scale {
  most: number
  step: number
}

/** A round number of steps of 1, 2 or 5 that holds `value`. */
export function scaleFor(value: number): Scale {
  if (!(value > 0)) return { most: 1, step: 0.5 }
  const rough = value / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  return { most: Math.ceil(value / step - 1e-9) * step, step }
}

function grid({ most, step }: Scale, height: number): string {
  const lines: string[] = []
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9))
  for (let i = 0; i * step <= most + 1e-9; i++) {
    const x = n(LEFT + ((i * step) / most) * PLOT)
    lines.push(`<line class="grid" x1="${x}" x2="${x}" y1="${TOP - 4}" y2="${height - 20}"/>`)
    lines.push(text(Number(x), height - 6, (i * step).toFixed(digits), 'middle', 'dim'))
  }
  return lines.join('')
}

function legend(series: readonly { name: string; colour: string }[]): string {
  if (series.length < 2) return ''
  let x = LEFT
  return series
    .map(({ name, colour }) => {
      const at = x
      x += 32 + name.length * 7
      return `<rect class="${colour}" x="${n(at)}" y="10" width="12" height="12"/>${text(at + 17, 20, name, 'start')}`
    })
    .join('')
}

function rangeLine([least, most]: readonly [number, number], y: number, scale: number): string {
  const [a, b] = [least, most].map((value) => n(LEFT + (value / scale) * PLOT))
  return `<line class="range" x1="${a}" x2="${b}" y1="${y}" y2="${y}"/>`
}

function text(x: number, y: number, said: string, anchor: string, style = ''): string {
  const name = style === '' ? '' : ` class="${style}"`
  return `<text${name} x="${n(x)}" y="${n(y)}" text-anchor="${anchor}">${escapeText(said)}</text>`
}

function titleOf(said: string): string {
  return `<title>${escapeText(said)}</title>`
}

function svg(height: number, parts: readonly string[], title: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeText(title)}">${parts.join('')}</svg>`
}

/** Lines of at most `most` characters. */
function words(said: string, most: number): string[] {
  const lines = ['']
  for (const word of said.split(' ')) {
    const last = lines[lines.length - 1]
    if (last !== '' && last.length + word.length + 1 > most) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines
}

export function escapeText(said: string): string {
  return said.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}

function n(value: number): string {
  return String(Math.round(value * 100) / 100)
}

// The shell of every page: one document without any external resource, for light and dark screens. Owns the look; what
// stands in it is the caller's.

/** Escapes text for element content and for attributes in double quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => ENTITIES[sign])
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** JSON that can stand in a script element. */
export function embedJson(value: unknown): string {
  return JSON.stringify(value).replace(/</g, '\\u003c')
}

/** A whole document. `title` is text, `body` and `script` are trusted markup and code. */
export function page(title: string, body: string, script = ''): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} · pagewire</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(ICON)}">
<style>${STYLE}</style>
</head>
<body>
${body}
${script ? `<script type="module">${script}</script>` : ''}
</body>
</html>
`
}

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0d7a5f"/><path d="M7 21V9h9v12M16 15h9" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>`

const STYLE = `
:root {
  --paper: #f6f5f1; --card: #fff; --ink: #1b1d1c; --dim: #6b706d; --line: #e4e2db; --soft: #efede7;
  --out: #0d7a5f; --in: #b4541a; --off: #9a9e9b; --shadow: 0 1px 2px #0000000d, 0 6px 20px -12px #00000026;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #111413; --card: #191d1b; --ink: #e9ebe8; --dim: #949a96; --line: #2a302d; --soft: #222725;
    --out: #4fd1a8; --in: #f0a060; --off: #626865; --shadow: none;
  }
}
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body {
  margin: 0 auto; padding: 2.2rem clamp(1rem, 4vw, 2.5rem) 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
h1 { font-size: 1.9rem; line-height: 1.15; letter-spacing: -.025em; font-weight: 650; margin: .15rem 0 0 }
h2 { font-size: .78rem; font-weight: 600; letter-spacing: .02em; color: var(--dim); margin: 0 0 .8rem }
a { color: var(--out); text-decoration: none } a:hover { text-decoration: underline; text-underline-offset: .2em }
p { margin: 0 } .dim { color: var(--dim) } .n { text-align: right; white-space: nowrap }
code, pre, .mono { font-family: ui-monospace, "SF Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .87em }
header { display: flex; flex-wrap: wrap; align-items: end; gap: .4rem 1.5rem; justify-content: space-between; margin-bottom: 1.6rem }
header .brand { font-weight: 600; color: var(--dim); width: 100% } header .brand a { color: inherit }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.15rem 1.25rem; box-shadow: var(--shadow); min-width: 0 }
.grid { display: grid; gap: 1rem; grid-template-columns: repeat(12, minmax(0, 1fr)) }
.six { grid-column: span 6 } .four { grid-column: span 4 } .eight { grid-column: span 8 } .twelve { grid-column: span 12 }
@media (max-width: 980px) { .four { grid-column: span 6 } .four:nth-of-type(odd) { grid-column: span 12 } }
@media (max-width: 760px) { .six, .four, .eight { grid-column: span 12 } h1 { font-size: 1.5rem } }
.pulse { display: inline-flex; align-items: center; gap: .5rem; color: var(--dim) }
.pulse i { width: .55rem; height: .55rem; border-radius: 50%; background: var(--out) }
.pulse.lost i { background: var(--in) }
.rate { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem }
.rate b { font-size: 2.5rem; line-height: 1.1; font-weight: 620; letter-spacing: -.035em }
.rate b small { font-size: 1rem; font-weight: 500; letter-spacing: 0; color: var(--dim); margin-left: .3rem }
.out { color: var(--out) } .in { color: var(--in) }
svg.chart { display: block; width: 100%; height: 72px; margin-top: .7rem; overflow: visible }
svg.chart path.area { fill: currentColor; opacity: .13 } svg.chart path.edge { fill: none; stroke: currentColor; stroke-width: 1.75; vector-effect: non-scaling-stroke; stroke-linejoin: round }
.tiles { margin: 0; display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: 12px; overflow: hidden }
.tiles div { background: var(--card); padding: .85rem 1.1rem }
.tiles dt { color: var(--dim); font-size: .82rem } .tiles dd { margin: .1rem 0 0; font-size: 1.35rem; font-weight: 620; letter-spacing: -.02em; line-height: 1.25 }
.tiles dd.dim { font-size: .82rem; font-weight: 400; letter-spacing: 0 }
dl.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .4rem 1.2rem; margin: 0 }
dl.facts dt { color: var(--dim) } dl.facts dd { margin: 0; overflow-wrap: anywhere }
ul.features { list-style: none; margin: 0; padding: 0 }
ul.features li { display: flex; justify-content: space-between; gap: 1rem; padding: .22rem 0; border-bottom: 1px solid var(--soft) }
ul.features li span:last-child { white-space: nowrap }
ul.features .on { color: var(--out); font-weight: 600 } ul.features .off { color: var(--off) }
.ladder p { display: flex; justify-content: space-between; gap: 1rem } .ladder p + p { margin-top: .5rem } .ladder p.dim { font-size: .82rem; margin-bottom: .75rem }
.bar { height: .5rem; border-radius: 99px; background: var(--in); overflow: hidden; margin: .25rem 0 } .bar.idle { background: var(--soft) }
.bar i { display: block; height: 100%; background: var(--out); border-right: 2px solid var(--card) }
table { width: 100%; border-collapse: collapse } th { text-align: left; font-weight: 500; color: var(--dim); font-size: .82rem; padding: 0 .8rem .4rem 0 }
td { padding: .32rem .8rem .32rem 0; border-top: 1px solid var(--soft); vertical-align: top } th:last-child, td:last-child { padding-right: 0 }
th.n { text-align: right } .scroll { overflow-x: auto }
.counters { columns: 3 16rem; column-gap: 2rem } .counters p { display: flex; justify-content: space-between; gap: 1rem; padding: .16rem 0; border-bottom: 1px solid var(--soft); break-inside: avoid }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.75 } pre::selection { background: var(--soft) }
table.files td { padding-top: .38rem; padding-bottom: .38rem } @media (max-width: 560px) { .d { display: none } }
footer { margin-top: 2rem; color: var(--dim); font-size: .87rem }
`

// README's table of what is supported is held to the code: every "yes" names places that exist, one of them with tests in
// it, and what is said not to be there yet is not there.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

interface Row {
  what: string
  verdict: string
  places: string[]
}

function rows(): Row[] {
  const readme = readFileSync('README.md', 'utf8')
  const section = readme.slice(readme.indexOf('## Supported, and not'), readme.indexOf('## Figures'))
  const lines = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| what'))
  return lines.map((line) => {
    const [, what, verdict, where] = line.split('|').map((cell) => cell.trim())
    return { what, verdict, places: [...where.matchAll(/`([^`]+)`/g)].map(([, place]) => place) }
  })
}

function hasTests(place: string): boolean {
  if (!statSync(place).isDirectory()) return place.endsWith('.test.ts')
  return readdirSync(place, { recursive: true }).some((name) => String(name).endsWith('.test.ts'))
}

/** All sources as one text, without comments, in which a feature that is not there must leave no name. */
function sources(): string {
  const names = ['stack', 'nic', 'drivers', 'tools', 'native'].flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))),
  )
  const texts = names.filter((name) => name.endsWith('.ts')).map((name) => readFileSync(name, 'utf8'))
  return texts.join('\n').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
}

describe("README's table", () => {
  const table = rows()

  it('has rows of both kinds', () => {
    expect(table.some(({ verdict }) => verdict === 'yes')).toBe(true)
    expect(table.some(({ verdict }) => verdict === 'not yet')).toBe(true)
  })

  it.each(table.filter(({ verdict }) => verdict === 'yes'))('$what', ({ places }) => {
    for (const place of places) expect(existsSync(place), place).toBe(true)
    expect(places.some((place) => place.startsWith('test/') && hasTests(place))).toBe(true)
  })

  // A name that the code of the feature could not do without. When one appears, the table has to be told.
  it.each([
    ['RACK-TLP', /class \w*Rack/],
    ['PRR', /class \w*(Prr|ProportionalRate)/],
    ['HyStart', /class \w*HyStart/i],
    ['IPv6', /class Ipv6/],
    ['NDP', /class \w*(Ndp|NeighbourDiscovery)/],
    ['Multi-queue TAP', /IFF_MULTI_QUEUE/],
  ])('says "not yet" of %s, which is not there', (name, trace) => {
    const row = table.find(({ what, verdict }) => what.includes(name) && verdict === 'not yet')
    expect(row, `${name} is missing in the rows that say "not yet"`).toBeDefined()
    expect(sources()).not.toMatch(trace)
  })
})

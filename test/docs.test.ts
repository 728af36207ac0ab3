// What the documents say is held to the code: links lead somewhere, commands and features are there, and what is called a counter
// is one. Outputs in the documents are of real runs; what they count is tested where it is counted.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { TapStatistics } from '../drivers/tap/tap-statistics.ts'
import { NicCounters } from '../nic/counters.ts'
import { featureBits } from '../nic/feature-names.ts'
import { Counters } from '../stack/counters.ts'

const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', ...readdirSync('docs').map((name) => join('docs', name))]
const TEXTS = DOCUMENTS.filter((name) => name.endsWith('.md'))

const CARD = new NicCounters({ statistics: { ...new TapStatistics() } }).statistics()
const STACK: object = new Counters()

function read(name: string): string {
  return readFileSync(name, 'utf8')
}

/** What the groups of `pattern` catch, each once. */
function caught(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(([, group]) => group))]
}

/** The anchors that GitHub makes of a document's headings. */
function anchors(text: string): string[] {
  const headings = caught(text.replace(/^```[\s\S]*?^```/gm, ''), /^#+ (.+)$/gm)
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}

/** Names at the ends of `names` that begin with `name` up to its star, or are it. */
function isCounter(name: string, names: object): boolean {
  if (!name.endsWith('*')) return name in names
  return Object.keys(names).some((other) => other.startsWith(name.slice(0, -1)))
}

describe('documents', () => {
  it.each(TEXTS)('%s: relative links lead somewhere', (name) => {
    for (const link of caught(read(name), /\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const [path, anchor] = link.split('#')
      const target = path === '' ? name : join(dirname(name), path)
      expect(existsSync(target), `${name}: ${link}`).toBe(true)
      if (anchor !== undefined) expect(anchors(read(target)), `${name}: ${link}`).toContain(anchor)
    }
  })

  it.each(TEXTS)('%s: commands of pagewire are there', (name) => {
    for (const command of caught(read(name), /\bnpx pagewire ([a-z]+)/g)) {
      expect(command === 'help' || existsSync(`tools/commands/${command}.ts`), `${name}: pagewire ${command}`).toBe(
        true,
      )
    }
  })

  it.each(TEXTS)('%s: features that are switched are there', (name) => {
    for (const words of caught(read(name), /-K pw0((?: [a-z][a-z0-9-]* (?:on|off)\b)+)/g)) {
      for (const feature of caught(words, / ([a-z0-9-]+) (?:on|off)\b/g)) {
        expect(featureBits(feature), `${name}: ${feature}`).not.toBe(0)
      }
    }
  })

  it.each(DOCUMENTS)('%s: counters that are named are counted', (name) => {
    const text = read(name)
    for (const counter of caught(text, /\b((?:rx|tx|tap)_[a-z0-9_]*[a-z0-9](?:_\*)?)/g)) {
      expect(isCounter(counter, CARD), `${name}: ${counter}`).toBe(true)
    }
    for (const counter of caught(text, /\b((?:Tcp|Ip|Icmp|Udp)(?:In|Out|Ext|Pagewire|Retrans|Active|Passive)\w+)/g)) {
      expect(isCounter(counter, STACK), `${name}: ${counter}`).toBe(true)
    }
  })

  it('the story of the ladder names every rung', () => {
    const story = read('docs/offloads.md')
    const rungs = Object.keys(CARD).filter((name) => /^tx_.*_(?:hw|sw)_frames$|^tx_(?:copied|summed)_bytes$/.test(name))
    expect(rungs.length).toBeGreaterThan(6)
    for (const rung of rungs) expect(story, rung).toContain(rung)
  })
})

// The options of `pagewire bench`, and what is wrong with some.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TEST_NAMES } from '../../../tools/bench/catalogue.ts'
import { chosenTests, countSteps } from '../../../tools/bench/measure.ts'
import { DEFAULTS, QUICK } from '../../../tools/bench/options.ts'
import { run } from '../../../tools/cli/program.ts'
import { testNames, withDefaults } from '../../../tools/commands/bench.ts'

let out = ''
let err = ''

beforeEach(() => {
  out = ''
  err = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text
    return true
  })
})

afterEach(() => vi.restoreAllMocks())

describe('options', () => {
  it('have defaults, which --quick lowers, and which a word overrides', () => {
    expect(withDefaults({})).toEqual(DEFAULTS)
    expect(withDefaults({ quick: true })).toEqual(QUICK)
    expect(withDefaults({ quick: true, rounds: 7, json: true })).toEqual({ ...QUICK, rounds: 7, json: true })
  })

  it('name tests', () => {
    expect(testNames('rr, send-file,')).toEqual(['rr', 'send-file'])
    expect(() => testNames('rr,nope')).toThrow(/no test 'nope'; there are: send-memory,/)
    expect(() => testNames(',')).toThrow(/Name some of/)
  })

  it('choose tests in the order of the table', () => {
    const chosen = chosenTests({ ...DEFAULTS, tests: ['rr', 'software'] })
    expect(chosen.map(({ name }) => name)).toEqual(['software', 'software', 'rr'])
    expect(new Set(chosenTests(DEFAULTS).map(({ name }) => name))).toEqual(new Set(TEST_NAMES))
    expect(countSteps({ ...DEFAULTS, tests: ['rr', 'software'], rounds: 2 })).toBe((2 + 2 + 3) * 2)
  })
})

describe('bad arguments: one line, exit status 2', () => {
  it.each([
    ['bench --tests nope', /There is no test 'nope'/],
    ['bench --rounds 0', /from 1 to 99/],
    ['bench run --seconds 0', /from 0.05 to 60/],
    ['bench --nope', /unknown option '--nope'/],
    ['bench nope', /too many arguments|unknown command/],
    ['bench serve', /required option '--tap <name>'/],
    ['bench serve --tap pw0', /required option '--address <cidr>'/],
    ['bench serve --tap pw0 --address 192.0.2.2', /192\.0\.2\.2\/24/],
    ['bench serve --tap a/b --address 192.0.2.2/24', /--tap/],
    ['bench serve --tap pw0 --address 192.0.2.2/24 --mtu 1', /from 576/],
    ['bench serve --tap pw0 --address 192.0.2.2/24 --mac 01:00:00:00:00:01', /unicast/],
    ['bench serve --tap pw0 --address 192.0.2.2/24 --http curl', /minimal, node/],
    ['bench serve --tap pw0 --address 192.0.2.2/24 extra', /too many arguments/],
  ])('%s', async (words, message) => {
    expect(await run(words.split(' '))).toBe(2)
    expect(err).toMatch(message)
    expect(err).toMatch(/^pagewire bench[^\n]*\n$/)
    expect(out).toBe('')
  })
})

it('help shows both commands and the options of a run', async () => {
  expect(await run(['bench', '--help'])).toBe(0)
  for (const word of ['run [options]', 'serve [options]', '--compare <file>', '--quick', ...TEST_NAMES]) {
    expect(out).toContain(word)
  }
})

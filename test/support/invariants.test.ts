// The rules that every exchange watches can be broken: each is broken once here.

import { describe, expect, test } from 'vitest'
import type { Seen } from './flow.ts'
import { Invariants } from './invariants.ts'

const SEEN: Seen = {
  sourcePort: 80,
  destinationPort: 40_000,
  seq: 1,
  ack: 1,
  flags: '.',
  window: 1000,
  urgent: 0,
  options: {},
  optionOrder: '',
  payload: new Uint8Array(0),
  time: 0,
  ttl: 64,
  tos: 0,
  length: 0,
  end: 1,
}

/** After a handshake: MSS 100, windows of 1000 both ways, scaled by 2 if asked for. */
function opened(wscale?: number): Invariants {
  const rules = new Invariants((mss) => mss)
  const ts = { val: 50, ecr: 0 }
  rules.onSent({ flags: 'S', window: 1000, options: { mss: 100, wscale } }, 0, false)
  expect(rules.onSeen({ ...SEEN, flags: 'S.', seq: 0, options: { wscale, ts } }, true)).toBe('')
  rules.onSent({ flags: '.', window: 1000, options: {} }, 1, false)
  return rules
}

const TS = { ts: { val: 50, ecr: 0 } }
const good = { ...SEEN, options: TS }

describe('broken', () => {
  test.each<[string, Partial<Seen>[], RegExp]>([
    ['no ACK', [{ flags: 'P' }], /no ACK flag/],
    ['ACK goes back', [{ ack: 10 }, { ack: 9 }], /goes back from 10 to 9/],
    ['the window shrinks', [{ window: 1000 }, { window: 999 }], /right edge/],
    ['data beyond the window', [{ seq: 950, length: 100 }], /beyond the window/],
    ['a segment that is too large', [{ length: 101 }], /101 bytes, the peer takes 100/],
    ['an urgent pointer alone', [{ urgent: 5 }], /urgent/],
    ['no timestamp', [{ options: {} }], /without timestamp/],
    ['a timestamp that goes back', [{ options: { ts: { val: 49, ecr: 0 } } }], /TSval/],
    [
      'data behind the FIN',
      [
        { flags: 'F.', seq: 5 },
        { seq: 6, length: 1 },
      ],
      /behind the FIN/,
    ],
    [
      'a FIN that moves',
      [
        { flags: 'F.', seq: 5 },
        { flags: 'F.', seq: 6 },
      ],
      /FIN moves/,
    ],
  ])('%s', (_name, segments, message) => {
    const rules = opened()
    const broken = segments.map((segment) => rules.onSeen({ ...good, ...segment }, true))
    expect(broken.slice(0, -1).every((rule) => rule === '')).toBe(true)
    expect(broken.at(-1)).toMatch(message)
  })
})

describe('not broken', () => {
  test.each<[string, Partial<Seen>[]]>([
    ['the same again', [{}, {}, {}]],
    ['the window closes as data comes', [{ window: 1000 }, { ack: 500, window: 501 }]],
    ['data up to the edge', [{ seq: 901, length: 100 }]],
    [
      'the FIN again',
      [
        { flags: 'F.', seq: 5, length: 3 },
        { flags: 'F.', seq: 7, length: 1 },
        { flags: 'F.', seq: 8 },
      ],
    ],
    ['an RST', [{ flags: 'R', options: {} }, { ack: 0 }]],
    ['a clock that wrapped in silence', [{ time: 2 ** 31 * 1000 + 1, options: { ts: { val: 3, ecr: 0 } } }]],
  ])('%s', (_name, segments) => {
    const rules = opened()
    for (const segment of segments) expect(rules.onSeen({ ...good, ...segment }, true)).toBe('')
  })

  test('with scaled windows less than one unit may get lost', () => {
    const rules = opened(2)
    expect(rules.onSeen({ ...good, ack: 1, window: 100 }, true)).toBe('')
    expect(rules.onSeen({ ...good, ack: 4, window: 99 }, true)).toBe('')
    expect(rules.onSeen({ ...good, ack: 4, window: 98 }, true)).toMatch(/right edge/)
    rules.onSent({ flags: '.', window: 1000, options: {} }, 1, false)
    expect(rules.onSeen({ ...good, ack: 4, window: 99, seq: 3900, length: 100 }, true)).toBe('')
    expect(rules.onSeen({ ...good, ack: 4, window: 99, seq: 3902, length: 100 }, true)).toMatch(/beyond/)
  })
})

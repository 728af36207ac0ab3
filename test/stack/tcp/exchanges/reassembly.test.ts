// Data in any order (RFC 9293 3.10.7.4): overlapping, duplicate, contained, out of order. The right bytes come out, once,
// and what is kept meanwhile is bounded in bytes and in pieces.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { established } from '../../../support/worlds.ts'

const SACK = { syn: { mss: 1460, sackOK: true } }

describe('overlaps', () => {
  test.each([
    [
      'the second contains the first',
      [
        [100, 200],
        [50, 300],
        [0, 50],
      ],
      300,
    ],
    [
      'the first contains the second',
      [
        [50, 300],
        [100, 200],
        [0, 50],
      ],
      300,
    ],
    [
      'they overlap at the front',
      [
        [100, 200],
        [50, 150],
        [0, 50],
      ],
      200,
    ],
    [
      'they overlap at the back',
      [
        [50, 150],
        [100, 200],
        [0, 50],
      ],
      200,
    ],
    [
      'the same twice',
      [
        [50, 100],
        [50, 100],
        [0, 50],
      ],
      100,
    ],
    [
      'one covers three and their holes',
      [
        [50, 60],
        [70, 80],
        [90, 100],
        [40, 110],
        [0, 40],
      ],
      110,
    ],
    [
      'the head overlaps what waits',
      [
        [50, 100],
        [0, 75],
      ],
      100,
    ],
    [
      'the head covers what waits',
      [
        [50, 100],
        [0, 200],
      ],
      200,
    ],
    [
      'the head is partly old',
      [
        [0, 100],
        [50, 150],
      ],
      150,
    ],
    [
      'touching pieces',
      [
        [60, 90],
        [30, 60],
        [0, 30],
      ],
      90,
    ],
  ] as [string, [number, number][], number][])('%s', (_name, pieces, total) => {
    for (const options of [{}, SACK]) {
      const { peer, connection } = established(options)
      for (const [from, to] of pieces) peer.sends({ flags: 'P.', seq: 1 + from, ack: 1, length: to - from })
      expect(peer.ignoreReceived().at(-1)?.ack).toBe(1 + total)
      expect(connection.readAll()).toBe(total)
      expect(connection.info.outOfOrder).toBe(0)
    }
  })
})

test('a FIN on a piece that comes early counts when its turn comes', () => {
  const { peer, connection } = established()
  peer.sends({ flags: 'FP.', seq: 201, ack: 1, length: 100 })
  peer.sends({ flags: 'P.', seq: 101, ack: 1, length: 150 })
  expect(connection.state).toBe('ESTABLISHED')
  peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 100 })
  expect(peer.ignoreReceived().at(-1)?.ack).toBe(302)
  expect(connection.readAll()).toBe(300)
  expect(connection.atEnd).toBe(true)
})

test('bytes behind an end that the peer itself has told are not taken', () => {
  const { peer, connection } = established()
  peer.sends({ flags: 'F.', seq: 101, ack: 1 })
  peer.sends({ flags: 'P.', seq: 51, ack: 1, length: 100 })
  peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 200 })
  expect(peer.ignoreReceived().at(-1)?.ack).toBe(102)
  expect(connection.readAll()).toBe(100)
  expect(connection.atEnd).toBe(true)
  expect(connection.state).toBe('CLOSE-WAIT')
})

test('data beyond the window is cut off, what is inside is taken', () => {
  const { peer, connection } = established({ options: { receiveBuffer: 8000 } })
  peer.sends({ flags: 'P.', seq: 1, length: 1000 })
  const { window } = peer.expects({ ack: 1001 })
  const edge = 1001 + window
  for (let at = 1001; at < edge + 5000; at += 1000) peer.sends({ flags: '.', seq: at, length: 1000 })
  peer.advance('1s')
  const last = peer.ignoreReceived().at(-1)
  expect(last?.ack).toBeLessThanOrEqual(8001)
  expect(connection.readAll()).toBe((last?.ack ?? 0) - 1)
  expect(connection.read).toBeLessThanOrEqual(8000)
})

describe('generated orders', () => {
  const LENGTH = 3000

  /** Random overlapping pieces that together cover everything. */
  const pieces = fc
    .array(fc.tuple(fc.nat(LENGTH - 1), fc.integer({ min: 1, max: 600 })), { minLength: 1, maxLength: 40 })
    .chain((random) => {
      const cover: [number, number][] = []
      for (let at = 0; at < LENGTH; at += 500) cover.push([at, Math.min(LENGTH, at + 500)])
      const clipped = random.map(([at, length]) => [at, Math.min(LENGTH, at + length)] as [number, number])
      return fc.shuffledSubarray([...cover, ...clipped], { minLength: cover.length + clipped.length })
    })

  test.each([
    ['without SACK', {}],
    ['with SACK', SACK],
  ])('any pieces in any order give the bytes, once: %s', (_name, options) => {
    fc.assert(
      fc.property(pieces, fc.boolean(), (list, readsAlong) => {
        const { peer, connection } = established(options)
        const have = new Uint8Array(LENGTH)
        for (const [from, to] of list) {
          peer.sends({ flags: '.', seq: 1 + from, ack: 1, length: to - from })
          have.fill(1, from, to)
          const hole = have.indexOf(0)
          const expected = 1 + (hole < 0 ? LENGTH : hole)
          // An ACK may be delayed, but what it says is what there is; each block that is reported was sent.
          for (const { ack, options: seen } of peer.ignoreReceived()) {
            expect(ack).toBeLessThanOrEqual(expected)
            for (const [left, right] of seen.sack ?? []) {
              expect(have.subarray(left - 1, right - 1).indexOf(0)).toBe(-1)
            }
          }
          if (readsAlong) connection.readAll()
        }
        connection.readAll()
        expect(connection.read).toBe(LENGTH)
        expect(connection.info.outOfOrder).toBe(0)
        connection.abort()
        peer.ignoreReceived()
      }),
      { numRuns: 40, seed: 7 },
    )
  })
})

describe('bounds', () => {
  test('tiny pieces with holes between them: pieces and memory stay bounded', () => {
    const { peer, connection, host, wire } = established(SACK)
    for (let n = 0; n < 4000; n++) {
      peer.sends({ flags: '.', seq: 3 + n * 2, ack: 1, length: 1 })
      if (n % 100 === 0) peer.ignoreReceived()
    }
    peer.ignoreReceived()
    // A page of 2 KiB per byte would be 8 MB; what is kept is bounded far below, whatever the form.
    expect(wire.outstandingPages).toBeLessThan(2048)
    expect(connection.info.outOfOrder).toBeLessThanOrEqual(4000)
    expect(host.stack.frames.outstanding).toBeLessThan(2048)
    // The stream is not harmed: the peer sends it all again in order.
    for (let at = 1; at < 8101; at += 1350) {
      peer.sends({ flags: '.', seq: at, ack: 1, length: 1350 })
      connection.readAll()
    }
    peer.advance('1s')
    expect(peer.ignoreReceived().at(-1)?.ack).toBe(8101)
    expect(connection.read).toBe(8100)
  })

  test('pieces that never connect are let go with the connection', () => {
    const { peer, connection, host, wire } = established(SACK)
    for (let n = 1; n <= 30; n++) peer.sends({ flags: '.', seq: 1 + n * 2000, ack: 1, length: 1000 })
    peer.ignoreReceived()
    connection.abort()
    peer.ignoreReceived()
    expect([host.stack.frames.outstanding, wire.outstandingPages]).toEqual([0, 0])
  })

  test('and with a reset of the peer, before the application has closed', () => {
    const { peer, host, wire } = established(SACK)
    for (let n = 1; n <= 30; n++) peer.sends({ flags: '.', seq: 1 + n * 2000, ack: 1, length: 1400 })
    peer.ignoreReceived()
    peer.sends({ flags: 'R', seq: 1 })
    expect([host.stack.frames.outstanding, wire.outstandingPages]).toEqual([0, 0])
  })
})

test('bytes are those that came first or those that came last, never a mixture within what was read', () => {
  const { peer, connection } = established()
  peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 100 })
  expect(connection.readAll()).toBe(100)
  // A forged copy of what was read already cannot change it, and what is new in it is taken as it is.
  const forged = new Uint8Array(150).fill(0xee)
  peer.sends({ flags: 'P.', seq: 1, ack: 1, payload: forged })
  const out = new Uint8Array(100)
  expect(connection.endpoint.receiveInto(out, 0, 100)).toBe(50)
  expect(out.subarray(0, 50)).toEqual(forged.subarray(100))
  peer.ignoreReceived()
})

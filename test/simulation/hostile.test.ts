// Generated hostility at a live stack: segments with any numbers, flags and options, noise on every layer, mutated copies of
// good frames. It never throws, leaks nothing, and what the application reads is what its peer wrote.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildEthernet, buildIcmp, buildIpv4, buildTcp } from '../support/packet.ts'
import { patternMismatch } from '../support/pattern.ts'
import { establish, expectNoLeaks, LINUX_SYN, oneHost } from '../support/worlds.ts'

/** Numbers around those that matter, and any. */
const near = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.integer({ min: -3000, max: 3000 }),
  fc.integer({ min: 60_000, max: 70_000 }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
)

const flags = fc.uniqueArray(fc.constantFrom(...'SFRP.UEW'), { maxLength: 6 }).map((letters) => letters.join(''))
const optionBytes = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        [8, 10, 0, 0, 0, 0, 0, 0, 0, 0],
        [5, 10, 0, 0, 0, 0, 255, 255, 255, 255],
        [5, 34],
        [8, 255],
        [1, 1, 1, 1, 0],
      )
      .map((bytes) => Uint8Array.from(bytes)),
  },
)

const hostile = fc.record({
  kind: fc.constant('segment' as const),
  seq: near,
  ack: near,
  flags,
  length: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 1400 })),
  window: fc.nat(65_535),
  urgent: fc.nat(65_535),
  rawOptions: optionBytes,
})
type Hostile = typeof hostile extends fc.Arbitrary<infer T> ? T : never

const step = fc.oneof(
  { weight: 6, arbitrary: hostile },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('send' as const), length: fc.integer({ min: 1, max: 3000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('write' as const), length: fc.integer({ min: 1, max: 5000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('time' as const), length: fc.integer({ min: 1, max: 3_000_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ack' as const), length: fc.constant(0) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('read' as const), length: fc.integer({ min: 1, max: 4000 }) }),
  },
)

test('segments with any numbers, flags and options, among good ones', () => {
  let survived = 0
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { minLength: 5, maxLength: 60 }), (modern, steps) => {
      const world = oneHost()
      const { connection } = establish(world, { syn: modern ? LINUX_SYN : { mss: 1460 } })
      const { peer } = world
      let sent = 1
      const act = {
        // Any in-order piece carries the bytes of the pattern, so whatever is accepted must be right.
        segment: ({ kind: _kind, rawOptions, ...fields }: Hostile) =>
          peer.sends({
            ...fields,
            seq: sent + fields.seq,
            ack: peer.flow.rcvNxt + fields.ack,
            ...(rawOptions ? { rawOptions } : {}),
          }),
        send: (length: number) => {
          for (let left = length; left > 0; left -= 1400) {
            const size = Math.min(1400, left)
            peer.sends({ flags: 'P.', seq: sent, length: size })
            sent += size
          }
        },
        write: (length: number) => connection.write(length),
        time: (length: number) => peer.advance(length),
        ack: () => peer.sends({ flags: '.', seq: sent }),
        read: (length: number) => connection.readUpTo(length),
      }
      for (const one of steps) {
        if (one.kind === 'segment') act.segment(one)
        else act[one.kind](one.length)
        for (const seen of peer.ignoreReceived()) {
          expect(patternMismatch(seen.payload, seen.seq - 1)).toBe(-1)
        }
      }
      connection.readAll()
      if (connection.state !== 'CLOSED') survived++
      connection.abort()
      peer.ignoreReceived()
      peer.advance('1s')
      peer.ignoreReceived()
    }),
    { numRuns: 150, seed: 11 },
  )
  // RSTs and forged FINs end some of them; most live.
  expect(survived).toBeGreaterThan(30)
})

test('noise on every layer', () => {
  const world = oneHost()
  const { connection } = establish(world, { syn: LINUX_SYN })
  const { peer, host } = world
  const bytes = fc.uint8Array({ maxLength: 200 })
  const frame = fc.oneof(
    fc.uint8Array({ minLength: 14, maxLength: 1514 }),
    fc
      .tuple(fc.constantFrom(0x0800, 0x0806, 0x86dd, 0x8100, 0x0005), bytes)
      .map(([type, body]) => buildEthernet(peer.stackMac, peer.mac, type, body)),
    fc
      .tuple(fc.constantFrom(1, 2, 6, 17, 47, 255), fc.nat(0xffff), bytes)
      .map(([protocol, fragment, payload]) =>
        buildEthernet(
          peer.stackMac,
          peer.mac,
          0x0800,
          buildIpv4({ source: peer.address, destination: peer.stackAddress, protocol, fragment, payload }),
        ),
      ),
    fc.tuple(fc.nat(20), fc.nat(20), fc.nat(0xffff_ffff), bytes).map(([type, code, rest, body]) =>
      buildEthernet(
        peer.stackMac,
        peer.mac,
        0x0800,
        buildIpv4({
          source: peer.address,
          destination: peer.stackAddress,
          protocol: 1,
          payload: buildIcmp(type, code, rest, body),
        }),
      ),
    ),
  )
  fc.assert(
    fc.property(frame, (noise) => {
      peer.end.send(noise)
      peer.advance(0)
    }),
    { numRuns: 3000, seed: 3 },
  )
  peer.others.length = 0
  peer.ignoreReceived()
  connection.write(1000)
  peer.expects({ seq: 1, length: 1000 })
  peer.sends({ flags: 'P.', seq: 1, ack: 1001, length: 700 })
  peer.expectsWithin('40ms', { flags: '.', ack: 701 })
  expect(connection.readAll()).toBe(700)
  expect(host.stack.frames.outstanding).toBeLessThan(16)
})

test('good frames with a few bytes changed, with and without their checksums made right', () => {
  const change = fc.tuple(fc.nat(79), fc.nat(255))
  fc.assert(
    fc.property(fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 40 }), (list) => {
      const world = oneHost()
      const { connection } = establish(world, { syn: LINUX_SYN })
      const { peer } = world
      for (const changes of list) {
        const fields = {
          sourcePort: peer.flow.port,
          destinationPort: 80,
          seq: (peer.flow.iss + 1) >>> 0,
          ack: (peer.flow.stackIss + 1) >>> 0,
          flags: 'P.',
          window: 1000,
          options: { ts: { val: peer.flow.tsNow, ecr: peer.flow.tsRecent } },
          payload: new Uint8Array(14),
        }
        const packet = buildIpv4({
          source: peer.address,
          destination: peer.stackAddress,
          payload: buildTcp(peer.address, peer.stackAddress, fields),
        })
        const bytes = buildEthernet(peer.stackMac, peer.mac, 0x0800, packet)
        for (const [at, value] of changes) bytes[at] = value
        peer.end.send(bytes)
        world.simulation.runSync({ until: world.simulation.now })
      }
      // The 14 bytes are zero, the pattern is not: none of the mutants counts but those whose change is not covered.
      expect(connection.endpoint.receiveQueued).toBeLessThanOrEqual(14)
      connection.abort()
      peer.ignoreReceived()
      peer.others.length = 0
      expectNoLeaks({ hosts: [world.host], wire: world.wire, peer })
    }),
    { numRuns: 100, seed: 5 },
  )
})

import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../drivers/random.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { EphemeralPorts, FIRST_EPHEMERAL, LAST_EPHEMERAL } from '../../../stack/tcp/ephemeral-ports.ts'
import { InitialSequence } from '../../../stack/tcp/initial-sequence.ts'

const A = IpAddress.from('192.0.2.1')
const B = IpAddress.from('192.0.2.2')
const V6 = [IpAddress.from('2001:db8::1'), IpAddress.from('2001:db8::2')]

describe('initial sequence numbers (RFC 6528)', () => {
  const sequences = new InitialSequence(seededRandom(1))

  it('tick every four microseconds for one connection', () => {
    const first = sequences.sequence(A, 1000, B, 80, 0)
    expect((sequences.sequence(A, 1000, B, 80, 4) - first) | 0).toBe(1)
    expect((sequences.sequence(A, 1000, B, 80, 4_000_003) - first) | 0).toBe(1_000_000)
  })

  it('wrap with the clock', () => {
    const wrap = 4 * 2 ** 32
    expect(sequences.sequence(A, 1000, B, 80, wrap * 1000)).toBe(sequences.sequence(A, 1000, B, 80, 0))
  })

  it('differ in every part of the four-tuple, in both families', () => {
    const values = [
      sequences.sequence(A, 1000, B, 80, 0),
      sequences.sequence(A, 1001, B, 80, 0),
      sequences.sequence(A, 1000, B, 81, 0),
      sequences.sequence(B, 1000, A, 80, 0),
      sequences.sequence(V6[0], 1000, V6[1], 80, 0),
      sequences.sequence(V6[1], 1000, V6[0], 80, 0),
    ]
    expect(new Set(values).size).toBe(values.length)
  })

  it('cannot be computed without the secret', () => {
    const other = new InitialSequence(seededRandom(2))
    expect(other.sequence(A, 1000, B, 80, 0)).not.toBe(sequences.sequence(A, 1000, B, 80, 0))
  })

  it('are what TIME-WAIT prescribes, where it does', () => {
    expect(sequences.sequence(A, 1000, B, 80, 0, -7)).toBe(-7)
    expect(sequences.sequence(A, 1000, B, 80, 0, null)).toBe(sequences.sequence(A, 1000, B, 80, 0))
  })

  it('timestamp offsets belong to the peer, not to the port', () => {
    expect(sequences.timestampOffset(A, B)).toBe(sequences.timestampOffset(A, B))
    expect(sequences.timestampOffset(A, B)).not.toBe(sequences.timestampOffset(B, A))
  })
})

describe('ephemeral ports (RFC 6056)', () => {
  it('lie in the range, and rise by one for one peer', () => {
    const ports = new EphemeralPorts(seededRandom(1))
    const first = ports.pick(A, B, 80, () => false)
    expect(first).toBeGreaterThanOrEqual(FIRST_EPHEMERAL)
    expect(first).toBeLessThanOrEqual(LAST_EPHEMERAL)
    expect(ports.pick(A, B, 80, () => false)).toBe(first === LAST_EPHEMERAL ? FIRST_EPHEMERAL : first + 1)
  })

  it('begin elsewhere for another peer or port', () => {
    const ports = new EphemeralPorts(seededRandom(1))
    const first = Array.from({ length: 20 }, (_, n) => ports.pick(A, B, 80 + n, () => false))
    expect(new Set(first).size).toBeGreaterThan(15)
  })

  it('pass over what is taken, and say 0 when everything is', () => {
    const ports = new EphemeralPorts(seededRandom(1), 100, 109)
    const taken = new Set<number>()
    for (let i = 0; i < 10; i++) {
      const port = ports.pick(A, B, 80, (candidate) => taken.has(candidate))
      expect(port).toBeGreaterThan(0)
      taken.add(port)
    }
    expect([...taken].sort((x, y) => x - y)).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109])
    expect(ports.pick(A, B, 80, (candidate) => taken.has(candidate))).toBe(0)
  })
})

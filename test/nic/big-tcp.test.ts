// Super-frames above 64 KiB (Linux's BIG TCP): what the card offers its stack, what it hands the port, and what becomes of a frame
// that the port refuses for its size.

import { describe, expect, it } from 'vitest'
import type { Nic } from '../../nic/index.ts'
import { EINVAL, EMSGSIZE, ENOBUFS, ENOMEM } from '../../stack/base/errno.ts'
import { GSO_MAX_SIZE } from '../../stack/buffer/frame.ts'
import { card, leaks, Owner } from './support/card.ts'
import { EVERYTHING } from './support/memory-port.ts'
import { segment } from './support/oracle.ts'
import type { PacketShape } from './support/packets.ts'

const LARGE: PacketShape = { pieces: [60_000, 60_000, 33_003], gsoSize: 1448, tcpOptions: 12, flags: 0x18 }
/** IP packet of `LARGE`. */
const BYTES = 20 + 32 + 153_003
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const world = (gsoMaxSize?: number) =>
  card({ capabilities: gsoMaxSize === undefined ? EVERYTHING : { ...EVERYTHING, gsoMaxSize } })

function send(nic: Nic, packet: { frame: Parameters<Nic['transmit']>[0] }): void {
  nic.transmit(packet.frame)
  nic.flush()
}

describe('a card whose port takes super-frames above 64 KiB', () => {
  it('offers a quarter of a MiB, and no more than the port takes', () => {
    const offers = [undefined, 1000, 100_000, 300_000, GSO_MAX_SIZE, 1e9].map((size) => {
      const { nic } = world(size)
      const said = [nic.gsoMaxSize, nic.tsoMaxSize]
      nic.close()
      return said
    })
    expect(offers).toEqual([
      [65535, 65535],
      [65535, 65535],
      [100_000, 100_000],
      [264_192, 300_000],
      [264_192, GSO_MAX_SIZE],
      [264_192, GSO_MAX_SIZE],
    ])
  })

  it('offers 64 KiB while segmentation is not the port’s', () => {
    const { nic } = world(300_000)
    nic.features.set({ tso: false })
    expect(nic.gsoMaxSize).toBe(65535)
    nic.features.set({ tso: true })
    expect(nic.gsoMaxSize).toBe(264_192)
    nic.close()
  })

  it('lets a person change the size, within what the port takes', () => {
    const { nic } = world(300_000)
    const answers = [300_000, 300_001, 576, 575, 65536.5, Number.NaN, -1].map((size) => nic.setGsoMaxSize(size))
    expect(answers).toEqual([0, EINVAL, 0, EINVAL, EINVAL, EINVAL, EINVAL])
    expect(nic.gsoMaxSize).toBe(576)
    nic.features.set({ tso: false })
    expect(nic.gsoMaxSize).toBe(576)
    nic.close()
  })

  it('hands one down whole, with a length of 0 in its header', () => {
    const all = world(300_000)
    const { lab, nic, port } = all
    const packet = lab.packet(LARGE)
    send(nic, packet)
    expect(port.posted.map(({ length, gsoSize }) => [length, gsoSize])).toEqual([[14 + BYTES, 1448]])
    expect(packet.whole.slice(16, 18)).toEqual(new Uint8Array(2))
    expect(nic.counters.tx_segments).toBe(Math.ceil(153_003 / 1448))
    expect(leaks(all)).toBe(0)
  })

  it('cuts one itself that was built before the size was lowered', () => {
    const all = world(300_000)
    const { lab, nic, port } = all
    const packet = lab.packet(LARGE)
    nic.setGsoMaxSize(BYTES - 1)
    send(nic, packet)
    expect(port.posted.every(({ gsoSize }) => gsoSize === 0)).toBe(true)
    expect(port.wire.map(hex)).toEqual(segment(packet.whole, packet.layout, 1448).map(hex))
    nic.setGsoMaxSize(BYTES)
    send(nic, lab.packet(LARGE))
    expect(port.posted.at(-1)?.gsoSize).toBe(1448)
    expect(leaks(all)).toBe(0)
  })

  it.each([
    { kind: 'UDP', shape: { ...LARGE, protocol: 'udp' as const } },
    { kind: 'IPv6', shape: { ...LARGE, version: 6 as const } },
    { kind: 'larger than any', shape: { ...LARGE, pieces: Array.from({ length: 9 }, () => 60_000) } },
  ])('refuses what cannot say its length: $kind', ({ shape }) => {
    const all = world(GSO_MAX_SIZE)
    const { lab, nic, port } = all
    const owner = new Owner()
    const { frame } = lab.packet(shape)
    frame.owner = owner
    send(nic, { frame })
    expect([owner.errnos, nic.counters.tx_malformed, port.posted]).toEqual([[EINVAL], 1, []])
    expect(leaks(all)).toBe(0)
  })
})

describe('a port that refuses one after all', () => {
  it.each([
    { name: 'EMSGSIZE', errno: EMSGSIZE, left: 65535 },
    { name: 'EINVAL', errno: EINVAL, left: 65535 },
    { name: 'ENOBUFS', errno: ENOBUFS, left: BYTES >> 1 },
    { name: 'ENOMEM', errno: ENOMEM, left: BYTES >> 1 },
  ])('by $name gets its segments, and smaller ones from then on', ({ name, errno, left }) => {
    const all = world(300_000)
    const { lab, nic, port, said } = all
    const owner = new Owner()
    port.answer = (frame) => (frame.length > 65_600 ? errno : 0)
    const expected: Uint8Array[] = []
    for (let seed = 1; seed <= 3; seed++) {
      const packet = lab.packet({ ...LARGE, seed })
      packet.frame.owner = owner
      expected.push(...segment(packet.whole, packet.layout, 1448))
      nic.transmit(packet.frame)
    }
    nic.flush()
    expect(port.wire.map(hex)).toEqual(expected.map(hex))
    expect(owner.errnos).toEqual([])
    expect([nic.gsoMaxSize, nic.counters.tx_gso_too_large, nic.counters.tx_errors]).toEqual([left, 3, 0])
    expect(nic.features.tso4).toBe(true)
    expect(said).toEqual([
      `mem0: the port refused a super-frame of ${BYTES} bytes (${name}); gso_ipv4_max_size is ${left} from now on`,
    ])
    // A person may try again.
    port.answer = () => 0
    expect(nic.setGsoMaxSize(300_000)).toBe(0)
    send(nic, lab.packet(LARGE))
    expect(port.posted.at(-1)?.length).toBe(14 + BYTES)
    expect(leaks(all)).toBe(0)
  })

  it('for other reasons is not held to mean the size', () => {
    const all = world(300_000)
    const { lab, nic, port } = all
    const owner = new Owner()
    port.errnos = [EMSGSIZE]
    const small = lab.packet({ pieces: [3000], gsoSize: 1448 })
    small.frame.owner = owner
    send(nic, small)
    expect([owner.errnos, nic.gsoMaxSize, nic.counters.tx_gso_too_large]).toEqual([[EMSGSIZE], 264_192, 0])
    expect(leaks(all)).toBe(0)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { interfaceDescription, sectionHeader } from '../../../drivers/pcap/blocks.ts'
import { captureReader, PcapReader } from '../../../drivers/pcap/index.ts'
import { concatenate } from '../../nic/support/oracle.ts'

interface Form {
  little?: boolean
  nano?: boolean
  linkType?: number
}

/** A pcap file, field by field as the draft has it. */
function pcap(packets: [seconds: number, fraction: number, bytes: Uint8Array, original?: number][], form: Form = {}) {
  const { little = true, nano = false, linkType = 1 } = form
  const header = new Uint8Array(24)
  const view = new DataView(header.buffer)
  view.setUint32(0, nano ? 0xa1b23c4d : 0xa1b2c3d4, little)
  view.setUint16(4, 2, little)
  view.setUint16(6, 4, little)
  view.setUint32(16, 262144, little)
  view.setUint32(20, linkType, little)
  const records = packets.map(([seconds, fraction, bytes, original = bytes.length]) => {
    const head = new DataView(new ArrayBuffer(16))
    for (const [at, value] of [seconds, fraction, bytes.length, original].entries()) {
      head.setUint32(4 * at, value, little)
    }
    return concatenate(new Uint8Array(head.buffer), bytes)
  })
  return concatenate(header, ...records)
}

describe('the pcap reader', () => {
  const bytes = new Uint8Array([1, 2, 3, 4, 5])

  it.each([
    [true, false],
    [true, true],
    [false, false],
    [false, true],
  ])('reads packets: little-endian %s, nanoseconds %s', (little, nano) => {
    const fraction = nano ? 123_456_789 : 123_456
    const file = pcap(
      [
        [1_700_000_000, fraction, bytes],
        [1_700_000_001, 0, bytes, 1514],
      ],
      { little, nano },
    )
    const reader = new PcapReader(file)
    const packets = reader.packets()
    expect(reader.error).toBe(null)
    expect(packets.map(({ time, originalLength }) => [time, originalLength])).toEqual([
      [1_700_000_000_123_456, 5],
      [1_700_000_001_000_000, 1514],
    ])
    expect(Array.from(packets[0].bytes)).toEqual([1, 2, 3, 4, 5])
    expect(packets[0].interface.linkType).toBe(1)
  })

  it('says where a file ends too early, and keeps what came before', () => {
    const file = pcap([
      [1, 0, bytes],
      [2, 0, bytes],
    ])
    for (const [length, count, error] of [
      [20, 0, /within its header/],
      [24, 0, null],
      [30, 0, /within the header of a packet/],
      [43, 0, /within a packet/],
      [file.length - 1, 1, /within a packet/],
    ] as [number, number, RegExp | null][]) {
      const reader = new PcapReader(file.subarray(0, length))
      expect(reader.packets().length).toBe(count)
      if (error) expect(reader.error).toMatch(error)
      else expect(reader.error).toBe(null)
    }
  })

  it('never throws and comes to an end, whatever the bytes', () => {
    const start = pcap([])
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, framed) => {
        const reader = new PcapReader(framed ? concatenate(start, noise) : noise)
        expect(reader.packets().length).toBeLessThanOrEqual(noise.length / 16)
      }),
    )
  })
})

describe('the reader of either form', () => {
  const trouble = (bytes: Uint8Array) => {
    let why = ''
    const reader = captureReader(bytes, (reason) => {
      why = reason
    })
    return reader ? 'a reader' : why
  }

  it('chooses by how the file begins', () => {
    expect(captureReader(pcap([]), () => {})).toBeInstanceOf(PcapReader)
    const pcapng = captureReader(concatenate(sectionHeader('x'), interfaceDescription('y', 0)), () => {})
    expect(pcapng).not.toBeInstanceOf(PcapReader)
    expect(pcapng?.next()).toBe(null)
    expect(pcapng?.error).toBe(null)
  })

  it('says what else it may be', () => {
    expect(trouble(new Uint8Array(0))).toMatch(/empty/)
    expect(trouble(new Uint8Array([0x1f, 0x8b, 8, 0, 0]))).toMatch(/gunzip/)
    expect(trouble(new TextEncoder().encode('#!/bin/sh\n'))).toMatch(/neither pcapng nor pcap/)
  })
})

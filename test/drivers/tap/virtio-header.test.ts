// The virtio-net header: what a frame asks for, byte by byte, and noise.

import { endianness } from 'node:os'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { emitVirtioHeader, parseVirtioHeader, VIRTIO_HEADER, virtioHeader } from '../../../drivers/tap/virtio-header.ts'
import {
  CHECKSUM_NONE,
  CHECKSUM_UNNECESSARY,
  type Frame,
  GSO_ECN,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
} from '../../../stack/buffer/frame.ts'
import { Pools, spread } from './support.ts'

describe('the virtio-net header', () => {
  const pools = new Pools()

  afterAll(() => {
    expect(pools.outstanding).toBe(0)
    pools.close()
  })

  /** A frame with headers of `headers` bytes whose TCP header at 34 says `words`, and a payload in refs. */
  function frameOf(words: number, headers: number, payload: number): Frame {
    const frame = pools.frames.allocate(64) as Frame
    frame.end = frame.start + headers
    frame.head.bytes.fill(0)
    frame.head.view.setUint8(frame.start + 34 + 12, words << 4)
    spread(pools, frame, new Uint8Array(payload), [])
    return frame
  }

  function emitted(frame: Frame): number[] {
    const bytes = new Uint8Array(VIRTIO_HEADER + 2).fill(0xee)
    emitVirtioHeader(frame, new DataView(bytes.buffer), 1)
    expect([bytes[0], bytes[11]]).toEqual([0xee, 0xee])
    return [...bytes.subarray(1, 11)]
  }

  it('has 10 bytes', () => {
    expect(VIRTIO_HEADER).toBe(10)
    expect(virtioHeader.offset('csumOffset')).toBe(8)
  })

  it.runIf(endianness() === 'LE')('says what the frame asks for', () => {
    const frame = frameOf(8, 66, 5000)
    expect(emitted(frame)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    frame.csumStart = 34
    frame.csumOffset = 16
    expect(emitted(frame)).toEqual([1, 0, 0, 0, 0, 0, 34, 0, 16, 0])
    frame.gsoSize = 1448
    frame.gsoType = GSO_TCPV4
    expect(emitted(frame)).toEqual([1, 1, 66, 0, 0xa8, 5, 34, 0, 16, 0])
    frame.gsoType = GSO_TCPV4 | GSO_ECN
    expect(emitted(frame)[1]).toBe(0x81)
    frame.gsoType = GSO_UDP_L4
    frame.csumOffset = 6
    expect(emitted(frame)).toEqual([1, 5, 42, 0, 0xa8, 5, 34, 0, 6, 0])
    frame.release()
  })

  it('never says that the headers are longer than the frame', () => {
    const frame = frameOf(15, 54, 3)
    frame.csumStart = 34
    frame.csumOffset = 16
    frame.gsoSize = 1
    frame.gsoType = GSO_TCPV4
    expect(emitted(frame)[2]).toBe(57)
    frame.release()
  })

  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, GSO_TCPV4, GSO_TCPV6, GSO_TCPV4 | GSO_ECN, GSO_UDP_L4),
        fc.integer({ min: 1, max: 65000 }),
        fc.integer({ min: 5, max: 15 }),
        fc.nat(65000),
        (type, size, words, payload) => {
          const frame = frameOf(words, 34 + words * 4, 0)
          frame.csumStart = 34
          frame.csumOffset = type === GSO_UDP_L4 ? 6 : 16
          frame.gsoSize = type ? size : 0
          frame.gsoType = type
          const page = pools.pages.allocate()
          if (!page) throw new Error('no page')
          emitVirtioHeader(frame, page.view, 0)
          page.bytes.set(frame.head.bytes.subarray(frame.start, frame.end), VIRTIO_HEADER)
          const length = Math.min(frame.headLength + payload, page.length - VIRTIO_HEADER)
          const back = pools.frames.wrap(page, VIRTIO_HEADER, VIRTIO_HEADER + length)
          expect(parseVirtioHeader(page.view, 0, back)).toBe(true)
          expect([back.csumStart, back.csumOffset, back.gsoSize, back.gsoType]).toEqual([
            frame.csumStart,
            frame.csumOffset,
            frame.gsoSize,
            frame.gsoType,
          ])
          expect(back.checksum).toBe(CHECKSUM_UNNECESSARY)
          const headers = type === GSO_UDP_L4 ? 42 : 34 + words * 4
          expect(back.segments).toBe(type ? Math.max(1, Math.ceil((length - headers) / size)) : 1)
          frame.release()
          back.release()
        },
      ),
    )
  })

  it('takes a verified checksum and none at all', () => {
    const page = pools.pages.allocate()
    if (!page) throw new Error('no page')
    page.bytes.fill(0, 0, 100)
    const frame = pools.frames.wrap(page, VIRTIO_HEADER, 100)
    expect(parseVirtioHeader(page.view, 0, frame)).toBe(true)
    expect([frame.checksum, frame.csumStart, frame.segments]).toEqual([CHECKSUM_NONE, -1, 1])
    page.bytes[0] = 2
    expect(parseVirtioHeader(page.view, 0, frame)).toBe(true)
    expect([frame.checksum, frame.csumStart]).toEqual([CHECKSUM_UNNECESSARY, -1])
    frame.release()
  })

  it('never throws, and what it lets through lies within the frame', () => {
    const noise = fc.uint8Array({ minLength: VIRTIO_HEADER + 14, maxLength: 120 })
    const shape = fc.tuple(fc.constantFrom(0, 1, 2, 3, 255), fc.constantFrom(0, 1, 3, 4, 5, 0x81, 255))
    fc.assert(
      fc.property(noise, shape, ([...bytes], [flags, type]) => {
        const page = pools.pages.allocate()
        if (!page) throw new Error('no page')
        page.bytes.set(bytes)
        page.bytes[0] = flags
        page.bytes[1] = type
        const frame = pools.frames.wrap(page, VIRTIO_HEADER, bytes.length)
        if (parseVirtioHeader(page.view, 0, frame)) {
          if (frame.csumStart >= 0) expect(frame.csumStart + frame.csumOffset + 2).toBeLessThanOrEqual(frame.length)
          expect(frame.gsoSize > 0).toBe(frame.gsoType !== 0)
          expect(frame.segments).toBeGreaterThan(0)
        }
        frame.release()
      }),
      { numRuns: 500 },
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReceiveWindow, scaleFor } from '../../../stack/tcp/receive-window.ts'
import { SegmentSize } from '../../../stack/tcp/segment-size.ts'
import { SendWindow } from '../../../stack/tcp/send-window.ts'

const MIB = 1 << 20

describe('the window scale (RFC 7323 2.3)', () => {
  it.each([
    [1024, 0],
    [65535, 0],
    [65536, 1],
    [6 * MIB, 7],
    [15 * MIB, 8],
    [32 * MIB, 10],
    [2 ** 30, 14],
  ])('of a buffer of %i bytes is %i', (buffer, scale) => {
    expect(scaleFor(buffer)).toBe(scale)
  })
})

function receiving(buffer: number, scale = 0): ReceiveWindow {
  const window = new ReceiveWindow(buffer)
  window.begin(999)
  window.scale = scale
  return window
}

describe('the receive window', () => {
  it('offers what the buffer has room for', () => {
    const window = receiving(40_000)
    expect(window.advertise(0, 1460)).toBe(40_000)
    window.rcvNxt += 10_000
    expect([window.window, window.advertise(10_000, 1460)]).toEqual([30_000, 30_000])
    expect(window.advertise(0, 1460)).toBe(40_000)
  })

  it('does not open by less than a segment, or half of a small buffer', () => {
    const window = receiving(10_000)
    window.advertise(0, 1460)
    window.rcvNxt += 10_000
    expect(window.advertise(10_000, 1460)).toBe(0)
    expect(window.advertise(9000, 1460)).toBe(0)
    expect(window.worthTelling(9000, 1460)).toBe(false)
    expect(window.worthTelling(8540, 1460)).toBe(true)
    expect(window.advertise(8540, 1460)).toBe(1460)
    const small = receiving(1000)
    small.advertise(0, 1460)
    small.rcvNxt += 1000
    expect(small.advertise(501, 1460)).toBe(0)
    expect(small.advertise(500, 1460)).toBe(500)
  })

  it('tells of room when it has doubled', () => {
    const window = receiving(60_000)
    window.advertise(0, 1460)
    window.rcvNxt += 40_000
    window.advertise(40_000, 1460)
    expect(window.worthTelling(21_000, 1460)).toBe(false)
    expect(window.worthTelling(20_000, 1460)).toBe(true)
  })

  it('says at most 65535 in a SYN, whatever the scale', () => {
    const window = receiving(6 * MIB, 7)
    expect(window.advertiseUnscaled()).toBe(65535)
    expect(window.window).toBe(65535)
    expect(window.advertise(0, 1460)).toBe((6 * MIB) >> 7)
  })

  it('never moves its edge left by more than the scale cannot say, and never takes more than the buffer and a unit', () => {
    const step = fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean())
    fc.assert(
      fc.property(
        fc.nat(7),
        fc.integer({ min: 5000, max: 500_000 }),
        fc.array(step, { maxLength: 100 }),
        (scale, buffer, steps) => {
          const window = receiving(Math.min(buffer, 65535 * 2 ** scale), scale)
          const unit = 2 ** scale
          let queued = 0
          let edge = 1000
          for (const [arrives, read, acks] of steps) {
            const n = Math.min(arrives, window.window)
            window.rcvNxt += n
            queued += n
            queued -= Math.floor(queued * read * read)
            if (!acks) continue
            const told = window.rcvNxt + window.advertise(queued, 1460) * unit
            expect(told).toBeGreaterThan(edge - unit)
            expect(window.edge).toBeGreaterThanOrEqual(told)
            edge = told
            expect(queued + window.window).toBeLessThan(window.buffer + 2 * unit)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it.each([
    // [sequence, end] against RCV.NXT 1000 and an edge of 2000
    [1000, 1000, true],
    [1000, 1100, true],
    [900, 1100, true],
    [900, 1000, true],
    [900, 999, false],
    [999, 999, false],
    [1999, 2100, true],
    [2000, 2000, true],
    [2001, 2001, false],
    [500, 3000, true],
  ])('accepts [%i, %i): %s', (sequence, end, accepted) => {
    const window = receiving(1000)
    window.advertise(0, 100)
    expect(window.accepts(sequence, end)).toBe(accepted)
  })
})

describe('the send window', () => {
  function sending(): SendWindow {
    const window = new SendWindow()
    window.begin(100)
    window.sndNxt = 101
    window.sndUna = 101
    window.onSyn(5000, 101, 1000)
    return window
  }

  it('takes windows from later segments only (WL1, WL2)', () => {
    const window = sending()
    expect(window.update(5001, 101, 2000)).toBe(true)
    expect(window.update(5000, 101, 3000)).toBe(false)
    expect(window.sndWnd).toBe(2000)
    expect(window.update(5001, 101, 2000)).toBe(false)
    expect(window.update(5000, 102, 500)).toBe(true)
    expect([window.sndWnd, window.maxWindow]).toEqual([500, 2000])
  })

  it('scales what comes after the SYN', () => {
    const window = sending()
    window.scale = 7
    window.update(5001, 101, 100)
    expect(window.sndWnd).toBe(12_800)
  })

  it('knows room and flight, also when the window shrinks below what is out', () => {
    const window = sending()
    window.sndNxt = 901
    expect([window.flight, window.room]).toEqual([800, 200])
    window.update(5001, 101, 300)
    expect(window.room).toBe(-500)
  })

  it('looks at ACKs no older than the largest window and not beyond what was sent (RFC 5961 5)', () => {
    const window = sending()
    window.sndUna = 5000
    window.sndNxt = 6000
    expect([3999, 4000, 5000, 6000, 6001].map((ack) => window.isAckAcceptable(ack))).toEqual([
      false,
      true,
      true,
      true,
      false,
    ])
  })
})

describe('the size of segments', () => {
  it.each([
    [-1, 536],
    [0, 536],
    [1, 48],
    [47, 48],
    [48, 48],
    [536, 536],
    [1460, 1460],
    [9000, 1460],
  ])('an MSS option of %i makes %i on Ethernet', (option, mss) => {
    const size = new SegmentSize()
    size.onPath(1500, 20)
    size.onOption(option)
    expect(size.mss).toBe(mss)
  })

  it('follows the path down and up, and the application', () => {
    const size = new SegmentSize()
    size.onOption(9000)
    expect(size.onPath(1500, 20)).toBe(true)
    expect([size.mss, size.advertised]).toEqual([1460, 1460])
    expect(size.onPath(1500, 20)).toBe(false)
    expect(size.onPath(1280, 40)).toBe(true)
    expect(size.mss).toBe(1220)
    size.onPath(1500, 20)
    size.setLimit(1000)
    expect([size.mss, size.advertised]).toEqual([1000, 1000])
    size.setLimit(0)
    expect(size.mss).toBe(1460)
  })
})

import { describe, expect, it } from 'vitest'
import { createCongestionControl } from '../../../stack/tcp/congestion.ts'
import { CongestionWindow, INITIAL_WINDOW, NO_THRESHOLD } from '../../../stack/tcp/congestion-window.ts'
import { Cubic, cubicRoot } from '../../../stack/tcp/cubic.ts'
import { Reno } from '../../../stack/tcp/reno.ts'

const MSS = 1000
const RTT = 100_000

/** A sender that always has data: one round trip, all of the window acknowledged in `steps`. */
function round(window: CongestionWindow, now: number, steps = 1): void {
  const { cwnd } = window
  window.onBurst(cwnd, true, 0, 1, RTT, true, now)
  for (let i = 0; i < steps; i++) window.onAck(((cwnd * MSS) / steps) | 0, MSS, RTT, now)
}

describe('the integer cube root', () => {
  it('is the largest whose cube is not above', () => {
    for (const x of [0, 1, 7, 8, 26, 27, 1e6 - 1, 1e6, 2 ** 45, 2 ** 53 - 1]) {
      const root = cubicRoot(x)
      expect(BigInt(root) ** 3n <= BigInt(x)).toBe(true)
      expect(BigInt(root + 1) ** 3n > BigInt(x)).toBe(true)
    }
    for (let root = 0; root < 2000; root++) {
      expect(cubicRoot(root ** 3)).toBe(root)
      if (root > 0) expect(cubicRoot(root ** 3 - 1)).toBe(root - 1)
    }
  })
})

describe('slow start', () => {
  it('begins with ten segments (RFC 6928) and doubles per round trip', () => {
    const window = new CongestionWindow(new Reno())
    expect([window.cwnd, window.ssthresh]).toEqual([INITIAL_WINDOW, NO_THRESHOLD])
    const seen = [1, 2, 3, 4].map((n) => {
      round(window, n * RTT)
      return window.cwnd
    })
    expect(seen).toEqual([20, 40, 80, 160])
  })

  it('counts bytes, not acknowledgments (RFC 3465, ACK division)', () => {
    const whole = new CongestionWindow(new Reno())
    const divided = new CongestionWindow(new Reno())
    round(whole, RTT)
    round(divided, RTT, 1000)
    expect(divided.cwnd).toBe(whole.cwnd)
  })

  it('ends at the threshold, and what is left counts for avoidance', () => {
    const window = new CongestionWindow(new Reno())
    window.ssthresh = 15
    round(window, RTT)
    expect(window.cwnd).toBe(15)
  })

  it('does not grow beyond twice what was out', () => {
    const window = new CongestionWindow(new Reno())
    for (let n = 1; n < 20; n++) {
      window.onBurst(6, false, 0, 1, RTT, false, n * RTT)
      window.onAck(6 * MSS, MSS, RTT, n * RTT)
    }
    expect(window.cwnd).toBeLessThanOrEqual(2 * 6 + 6)
    expect(window.cwnd).toBeGreaterThanOrEqual(12)
  })
})

describe('NewReno', () => {
  it('grows by one segment per window and halves at a loss', () => {
    const window = new CongestionWindow(new Reno())
    window.ssthresh = 10
    for (let n = 1; n <= 10; n++) round(window, n * RTT)
    expect(window.cwnd).toBe(20)
    window.onLoss()
    expect([window.cwnd, window.ssthresh]).toEqual([10, 10])
  })

  it('falls to one segment at a timeout, and the threshold once', () => {
    const window = new CongestionWindow(new Reno())
    window.cwnd = 40
    window.onTimeout(true)
    expect([window.cwnd, window.ssthresh]).toEqual([1, 20])
    window.onTimeout(false)
    expect([window.cwnd, window.ssthresh]).toEqual([1, 20])
  })

  it('never lets the threshold fall below two segments', () => {
    const window = new CongestionWindow(new Reno())
    window.cwnd = 1
    window.onLoss()
    expect(window.ssthresh).toBe(2)
  })
})

describe('CUBIC (RFC 9438)', () => {
  it('falls to 0.7 and comes back along the curve: concave, plateau, convex', () => {
    const window = new CongestionWindow(new Cubic())
    window.cwnd = 1000
    window.ssthresh = 1000
    window.onLoss()
    const seen: number[] = []
    for (let n = 1; n <= 160; n++) {
      round(window, n * RTT, 20)
      if (n % 10 === 0) seen.push(window.cwnd)
    }
    expect(seen).toMatchInlineSnapshot(`
      [
        784,
        855,
        908,
        946,
        972,
        988,
        997,
        1000,
        1000,
        1000,
        1002,
        1009,
        1023,
        1046,
        1080,
        1129,
      ]
    `)
    // K = cbrt(300 / 0.4) = 9.09 s: there the plateau of 1000 is reached.
    expect(seen[8]).toBeGreaterThan(985)
    expect(seen[8]).toBeLessThan(1010)
  })

  it('is at least as fast as Reno where Reno is faster (4.3)', () => {
    const window = new CongestionWindow(new Cubic())
    window.cwnd = 20
    window.ssthresh = 20
    window.onLoss()
    const seen: number[] = []
    for (let n = 1; n <= 40; n++) {
      round(window, n * 1000, 5)
      if (n % 8 === 0) seen.push(window.cwnd)
    }
    expect(seen).toMatchInlineSnapshot(`
      [
        18,
        24,
        32,
        40,
        48,
      ]
    `)
    expect(seen[4]).toBeGreaterThan(20)
  })

  it('makes room when a loss comes below the old plateau (4.7)', () => {
    const slow = new Cubic()
    expect(slow.onLoss(1000)).toBe(700)
    expect(slow.onLoss(900)).toBe(630)
    // W_max is now 900 * 0.85; without fast convergence the cost of growth at that window would be lower.
    const fast = new Cubic()
    fast.onLoss(900)
    const at = 5_000_000
    slow.growth(630, 1, RTT, 0)
    fast.growth(630, 1, RTT, 0)
    expect(slow.growth(700, 1, RTT, at)).toBeGreaterThan(fast.growth(700, 1, RTT, at))
  })

  it('stops its clock while nothing is sent', () => {
    const idle = new Cubic()
    const busy = new Cubic()
    for (const cubic of [idle, busy]) {
      cubic.onLoss(1000)
      cubic.growth(700, 1, RTT, 0)
    }
    idle.onIdle(60_000_000)
    expect(idle.growth(710, 1, RTT, 61_000_000)).toBe(busy.growth(710, 1, RTT, 1_000_000))
  })

  it('costs at least two ACKs a segment, and never a fraction', () => {
    const cubic = new Cubic()
    cubic.onLoss(100)
    for (let now = 0; now < 3600_000_000; now += 7_777_777) {
      const cost = cubic.growth(70, 3, RTT, now)
      expect(Number.isInteger(cost)).toBe(true)
      expect(cost).toBeGreaterThanOrEqual(2)
    }
  })
})

describe('idleness', () => {
  it('halves the window for each RTO, down to the initial one, and remembers where it was', () => {
    const window = new CongestionWindow(new Reno())
    window.cwnd = 100
    window.ssthresh = 60
    window.onIdle(2.5 * RTT, RTT, 0)
    expect([window.cwnd, window.ssthresh]).toEqual([25, 75])
    window.onIdle(100 * RTT, RTT, 0)
    expect(window.cwnd).toBe(INITIAL_WINDOW)
  })

  it('leaves a window below the initial one alone', () => {
    const window = new CongestionWindow(new Reno())
    window.cwnd = 3
    window.onIdle(100 * RTT, RTT, 0)
    expect(window.cwnd).toBe(3)
  })

  it('shrinks a window that was not used for an RTO half way to what was', () => {
    const window = new CongestionWindow(new Reno())
    window.cwnd = 100
    window.ssthresh = 50
    window.begin(0, 0)
    window.onBurst(20, false, 0, 1, RTT, true, 1)
    window.onBurst(20, false, 0, 1, RTT, true, RTT + 1)
    expect(window.cwnd).toBe(60)
    window.onBurst(20, false, 0, 1, RTT, false, 10 * RTT)
    expect(window.cwnd).toBe(60)
  })
})

describe('the choice', () => {
  it('is by name', () => {
    expect(createCongestionControl('cubic').name).toBe('cubic')
    expect(createCongestionControl('reno').name).toBe('reno')
  })
})

import { describe, expect, it } from 'vitest'
import { INITIAL_RTO, MAX_RTO, MIN_RTO, RoundTrip } from '../../../stack/tcp/round-trip.ts'

describe('the retransmission timeout (RFC 6298)', () => {
  it('is a second before the first sample (2.1)', () => {
    expect(new RoundTrip().rto).toBe(INITIAL_RTO)
  })

  it('takes the first sample whole (2.2)', () => {
    const rtt = new RoundTrip()
    rtt.sample(400_000)
    expect([rtt.srtt, rtt.rttvar, rtt.rto]).toEqual([400_000, 200_000, 1_200_000])
  })

  it('follows 2.3 from sample to sample', () => {
    const rtt = new RoundTrip()
    const seen = [100_000, 120_000, 80_000, 300_000, 300_000, 100_000].map((sample) => {
      rtt.sample(sample)
      return [rtt.srtt, rtt.rttvar, rtt.rto]
    })
    expect(seen).toEqual([
      [100_000, 50_000, 300_000],
      [102_500, 42_500, 302_500],
      [99_688, 37_500, 299_688],
      [124_727, 78_203, 437_539],
      [146_636, 102_471, 556_520],
      [140_807, 88_512, 494_855],
    ])
  })

  it('has at least 200 ms of variance and is at most 120 s', () => {
    const rtt = new RoundTrip()
    rtt.sample(50)
    expect(rtt.rto).toBe(50 + MIN_RTO)
    const slow = new RoundTrip()
    slow.sample(100_000_000)
    expect(slow.rto).toBe(MAX_RTO)
  })

  it('doubles at each timeout, up to the limit, until a sample (5.5, Karn)', () => {
    const rtt = new RoundTrip()
    rtt.sample(100_000)
    const seen: number[] = []
    for (let i = 0; i < 11; i++) {
      rtt.backOff()
      seen.push(rtt.rto / 300_000)
    }
    expect(seen).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 400, 400, 400])
    rtt.sample(100_000)
    expect(rtt.backoff).toBe(0)
    expect(rtt.rto).toBeLessThan(400_000)
  })

  it('lets the first four timeouts of a SYN come a second apart', () => {
    const rtt = new RoundTrip()
    const waits = [rtt.rto]
    for (let timeouts = 1; timeouts <= 6; timeouts++) {
      rtt.backOffSyn(timeouts)
      waits.push(rtt.rto)
    }
    expect(waits.map((wait) => wait / 1_000_000)).toEqual([1, 1, 1, 1, 1, 2, 4])
  })

  it('is 3 s after a handshake that had to be repeated and gave no sample (5.7)', () => {
    const rtt = new RoundTrip()
    rtt.afterSynRetransmission()
    expect(rtt.rto).toBe(3_000_000)
    const sampled = new RoundTrip()
    sampled.sample(100_000)
    sampled.afterSynRetransmission()
    expect(sampled.rto).toBe(300_000)
  })
})

describe('timing a segment (RFC 6298 3)', () => {
  it('times one at a time and samples when it is covered', () => {
    const rtt = new RoundTrip()
    rtt.time(1000, 10)
    rtt.time(2000, 20)
    expect(rtt.onAck(999, 30)).toBe(false)
    expect(rtt.onAck(1500, 110)).toBe(true)
    expect(rtt.srtt).toBe(100)
    expect(rtt.onAck(2000, 120)).toBe(false)
  })

  it('takes nothing from what was sent twice', () => {
    const rtt = new RoundTrip()
    rtt.time(1000, 10)
    rtt.stopTiming(50)
    expect(rtt.onAck(1000, 60)).toBe(false)
    expect(rtt.isVoid).toBe(true)
    rtt.time(2000, 70)
    expect(rtt.isVoid).toBe(false)
  })

  it('believes an echo only when it can be of the last copy', () => {
    const rtt = new RoundTrip()
    rtt.stopTiming(1_000_000)
    expect(rtt.isUnambiguous(50_000, 1000, 1_050_000)).toBe(true)
    expect(rtt.isUnambiguous(51_000, 1000, 1_050_000)).toBe(true)
    expect(rtt.isUnambiguous(900_000, 1000, 1_050_000)).toBe(false)
  })

  it('knows the smallest and the latest', () => {
    const rtt = new RoundTrip()
    for (const sample of [300, 100, 200]) rtt.sample(sample)
    expect([rtt.minRtt, rtt.latest]).toEqual([100, 200])
    rtt.sample(0)
    expect([rtt.minRtt, rtt.latest]).toEqual([1, 1])
  })
})

import { describe, expect, it } from 'vitest'
import { NEVER } from '../../../stack/base/deadlines.ts'
import { AckPolicy, DELAYED_ACK, QUICK_ACKS } from '../../../stack/tcp/ack-policy.ts'

const RTO = 200_000

/** An interactive session: quick mode is over. */
function interactive(): AckPolicy {
  const acks = new AckPolicy()
  acks.begin(1460)
  acks.onData(100, 1, 100, RTO, 0)
  acks.onDataSent(10)
  acks.onAckSent()
  return acks
}

describe('when to acknowledge', () => {
  it('at once at the start, so many times', () => {
    const acks = new AckPolicy()
    acks.begin(1460)
    for (let i = 0; i < QUICK_ACKS; i++) {
      acks.onData(100, 1, 100, RTO, i)
      expect(acks.now).toBe(true)
      acks.onAckSent()
    }
    acks.onData(100, 1, 100, RTO, 100)
    expect([acks.now, acks.dueAt]).toEqual([false, 100 + DELAYED_ACK])
  })

  it('40 ms later once the application answers', () => {
    const acks = interactive()
    acks.onData(100, 1, 100, RTO, 1000)
    expect([acks.now, acks.dueAt]).toEqual([false, 41_000])
    acks.onData(100, 1, 200, RTO, 2000)
    expect(acks.dueAt).toBe(41_000)
    expect(acks.onDeadline(40_999)).toBe(false)
    expect(acks.onDeadline(41_000)).toBe(true)
    expect(acks.now).toBe(true)
    acks.onAckSent()
    expect([acks.now, acks.dueAt]).toEqual([false, NEVER])
  })

  it('is not interactive any more when the answer stays out', () => {
    const acks = interactive()
    acks.onData(100, 1, 100, RTO, 1000)
    acks.onDeadline(41_000)
    acks.onAckSent()
    acks.onData(100, 1, 100, RTO, 50_000)
    expect(acks.now).toBe(true)
  })

  it('at least every second full segment', () => {
    const acks = interactive()
    acks.onData(1460, 1, 1460, RTO, 1000)
    expect([acks.now, acks.rcvMss]).toEqual([false, 1460])
    acks.onData(1460, 1, 2920, RTO, 1001)
    expect(acks.now).toBe(true)
  })

  it('counts the segments of a super-frame', () => {
    const acks = interactive()
    acks.onData(14_600, 10, 14_600, RTO, 1000)
    expect([acks.now, acks.rcvMss]).toEqual([true, 1460])
  })

  it('quickly again after a gap in time', () => {
    const acks = interactive()
    acks.onData(100, 1, 100, RTO, RTO)
    expect(acks.now).toBe(false)
    acks.onAckSent()
    acks.onData(100, 1, 100, RTO, 2 * RTO + 1)
    expect(acks.now).toBe(true)
  })

  it('at once and quickly after disorder, at once on demand', () => {
    const acks = interactive()
    acks.onDisorder()
    expect(acks.now).toBe(true)
    acks.onAckSent()
    acks.onData(100, 1, 100, RTO, 1000)
    expect(acks.now).toBe(true)
    const other = interactive()
    other.atOnce()
    expect(other.now).toBe(true)
  })

  it('always with TCP_QUICKACK, also what is owed when it is set', () => {
    const acks = interactive()
    acks.onData(100, 1, 100, RTO, 1000)
    acks.setAlways(true)
    expect(acks.now).toBe(true)
    acks.onAckSent()
    acks.onData(100, 1, 100, RTO, 1001)
    expect(acks.now).toBe(true)
  })

  it('an answer that comes late does not make a session interactive', () => {
    const acks = new AckPolicy()
    acks.begin(1460)
    acks.onData(100, 1, 100, RTO, 0)
    acks.onAckSent()
    acks.onDataSent(DELAYED_ACK)
    acks.onData(100, 1, 100, RTO, DELAYED_ACK + 1)
    expect(acks.now).toBe(true)
  })
})

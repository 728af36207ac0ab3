import { describe, expect, it } from 'vitest'
import { NEVER } from '../../../stack/base/deadlines.ts'
import { CHALLENGE_INTERVAL, ChallengeLimit } from '../../../stack/tcp/challenge.ts'
import { KEEP_DEAD, KEEP_PROBE, KEEP_WAIT, KeepAlive } from '../../../stack/tcp/keep-alive.ts'
import { CORK_TIME, Nagle, worthSending } from '../../../stack/tcp/nagle.ts'
import { DEFAULT_OPTIONS, isOptionValue, mergeOptions } from '../../../stack/tcp/options.ts'
import { Persist } from '../../../stack/tcp/persist.ts'

describe('Nagle', () => {
  it('holds a small segment only while another is unacknowledged (Minshall)', () => {
    const nagle = new Nagle()
    expect(nagle.mayTail(1000, 0)).toBe(true)
    nagle.onDrained(1100, true)
    expect(nagle.mayTail(1000, 0)).toBe(false)
    expect(nagle.mayTail(1100, 0)).toBe(true)
    nagle.onDrained(5000, false)
    expect(nagle.mayTail(1100, 0)).toBe(true)
  })

  it('TCP_NODELAY holds nothing', () => {
    const nagle = new Nagle()
    nagle.noDelay = true
    nagle.onDrained(1100, true)
    expect(nagle.mayTail(1000, 0)).toBe(true)
  })

  it('a cork holds at most 200 ms, and lets go when drawn', () => {
    const nagle = new Nagle()
    nagle.cork = true
    expect([nagle.mayTail(0, 5), nagle.corkUntil]).toEqual([false, 5 + CORK_TIME])
    expect(nagle.mayTail(0, 100_000)).toBe(false)
    expect(nagle.mayTail(0, 5 + CORK_TIME)).toBe(true)
    nagle.onDrained(100, true)
    expect(nagle.corkUntil).toBe(NEVER)
    expect(nagle.mayTail(0, 300_000)).toBe(false)
    nagle.push()
    expect([nagle.mayTail(0, 300_000), nagle.corkUntil]).toEqual([true, NEVER])
    nagle.onDrained(200, true)
    expect(nagle.mayTail(0, 300_000)).toBe(false)
  })

  it.each([
    [1460, 1460, 65535, true],
    [1459, 1460, 65535, false],
    [500, 1460, 1000, true],
    [499, 1460, 1000, false],
    [0, 1460, 0, false],
  ])('%i bytes of room with an MSS of %i and a largest window of %i are worth it: %s', (room, mss, largest, worth) => {
    expect(worthSending(room, mss, largest)).toBe(worth)
  })
})

describe('probes of a shut window', () => {
  it('double from the RTO to 120 s and end when too many stay without an answer', () => {
    const persist = new Persist()
    persist.begin()
    const waits: number[] = []
    for (let i = 0; i < 12; i++) {
      waits.push(persist.interval(300_000) / 300_000)
      expect(persist.onProbe(12)).toBe(true)
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 400, 400, 400])
    expect(persist.onProbe(12)).toBe(false)
    persist.onHeard()
    expect(persist.onProbe(12)).toBe(true)
    persist.end()
    expect([persist.active, persist.interval(300_000)]).toEqual([false, 300_000])
  })
})

describe('keep-alive', () => {
  const options = { ...DEFAULT_OPTIONS, keepAlive: true, keepIdle: 1000, keepInterval: 100, keepCount: 2 }

  it('asks after the idle time, then at the interval, and gives up', () => {
    const keep = new KeepAlive()
    expect(keep.onDeadline(options, 0, false, 999)).toBe(KEEP_WAIT)
    expect(keep.deadline(options, 0, 999)).toBe(1000)
    expect(keep.onDeadline(options, 0, false, 1000)).toBe(KEEP_PROBE)
    expect(keep.deadline(options, 0, 1000)).toBe(1100)
    expect(keep.onDeadline(options, 0, false, 1100)).toBe(KEEP_PROBE)
    expect(keep.onDeadline(options, 0, false, 1200)).toBe(KEEP_DEAD)
  })

  it('begins anew when the peer is heard, and leaves data in flight to retransmission', () => {
    const keep = new KeepAlive()
    keep.onDeadline(options, 0, false, 1000)
    keep.onHeard()
    expect([keep.probes, keep.deadline(options, 1050, 1050)]).toEqual([0, 2050])
    expect(keep.onDeadline(options, 0, true, 5000)).toBe(KEEP_WAIT)
    expect(keep.deadline({ ...options, keepAlive: false }, 0, 0)).toBe(NEVER)
  })
})

describe('answers to what is not believed', () => {
  it('are one in half a second for each connection', () => {
    const limit = new ChallengeLimit()
    expect([limit.allow(0), limit.allow(1), limit.allow(CHALLENGE_INTERVAL - 1)]).toEqual([true, false, false])
    expect([limit.allow(CHALLENGE_INTERVAL), new ChallengeLimit().allow(CHALLENGE_INTERVAL)]).toEqual([true, true])
  })
})

describe('options', () => {
  it('are Linux’s defaults, each of which may be given', () => {
    expect(DEFAULT_OPTIONS).toMatchObject({
      noDelay: false,
      keepAlive: false,
      keepIdle: 7_200_000_000,
      keepInterval: 75_000_000,
      keepCount: 9,
      synRetries: 6,
      retries: 15,
      finWait2: 60_000_000,
      sendBuffer: 4 << 20,
      receiveBuffer: 6 << 20,
      congestion: 'cubic',
      timestamps: true,
      sack: true,
      windowScaling: true,
      slowStartAfterIdle: true,
    })
    for (const [name, value] of Object.entries(DEFAULT_OPTIONS)) expect(isOptionValue(name as never, value)).toBe(true)
  })

  it.each([
    ['keepCount', 0],
    ['keepCount', 1.5],
    ['keepCount', '9'],
    ['linger', -2],
    ['ttl', 0],
    ['ttl', 256],
    ['maxSegment', 87],
    ['noDelay', 1],
    ['congestion', 'bbr'],
    ['receiveBuffer', Number.NaN],
    ['receiveBuffer', Number.POSITIVE_INFINITY],
    ['toString', true],
    ['nonsense', 1],
  ])('refuse %s = %s', (name, value) => {
    expect(isOptionValue(name as never, value)).toBe(false)
    expect(mergeOptions(DEFAULT_OPTIONS, { [name]: value } as never)).toBeNull()
  })

  it('are merged without touching the base; undefined changes nothing', () => {
    const merged = mergeOptions(DEFAULT_OPTIONS, { noDelay: true, ttl: undefined })
    expect(merged).toEqual({ ...DEFAULT_OPTIONS, noDelay: true })
    expect(DEFAULT_OPTIONS.noDelay).toBe(false)
  })
})

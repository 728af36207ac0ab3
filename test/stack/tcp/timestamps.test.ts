import { describe, expect, it } from 'vitest'
import { TICK, Timestamps, timestampAt } from '../../../stack/tcp/timestamps.ts'

const DAY = 24 * 3600 * 1_000_000

function begun(recent = 1000, now = 0): Timestamps {
  const timestamps = new Timestamps(77)
  timestamps.begin(recent, now)
  return timestamps
}

describe('our clock', () => {
  it('ticks every millisecond from the offset of the peer', () => {
    expect(timestampAt(0, 77)).toBe(77)
    expect(timestampAt(999, 77)).toBe(77)
    expect(timestampAt(1_000_000, 77)).toBe(1077)
  })

  it('wraps as a sequence number does', () => {
    expect(timestampAt(2 ** 31 * TICK, 0)).toBe(-(2 ** 31))
    expect(timestampAt(2 ** 32 * TICK, 5)).toBe(5)
    expect(timestampAt(10 * TICK, 2 ** 31 - 5)).toBe((2 ** 31 + 5) | 0)
  })

  it('tells round trips, and refuses what was never sent', () => {
    const timestamps = begun()
    expect(timestamps.roundTrip(timestamps.value(5_000_000), 5_120_400)).toBe(120_000)
    expect(timestamps.roundTrip(timestamps.value(9_000_000), 5_000_000)).toBe(-1)
  })
})

describe('PAWS (RFC 7323 5)', () => {
  it('refuses what is older than the last one seen', () => {
    const timestamps = begun(1000)
    expect(timestamps.isOld(999, 1)).toBe(true)
    expect(timestamps.isOld(1000, 1)).toBe(false)
    expect(timestamps.isOld(1001, 1)).toBe(false)
  })

  it('compares across the wrap', () => {
    const timestamps = begun(-1)
    expect(timestamps.isOld(0, 1)).toBe(false)
    expect(timestamps.isOld(-2, 1)).toBe(true)
  })

  it('forgets after 24 days of silence', () => {
    const timestamps = begun(1000, 0)
    expect(timestamps.isOld(1, 24 * DAY - 1)).toBe(true)
    expect(timestamps.isOld(1, 24 * DAY)).toBe(false)
    timestamps.onSegment(1, 0, 0, 25 * DAY)
    expect(timestamps.recent).toBe(1)
  })

  it('moves TS.Recent by segments that span the last acknowledgment, and forwards only (4.3)', () => {
    const timestamps = begun(1000)
    timestamps.onSegment(1100, 501, 500, 1)
    expect(timestamps.recent).toBe(1000)
    timestamps.onSegment(1100, 500, 500, 1)
    expect(timestamps.recent).toBe(1100)
    timestamps.onSegment(1050, 400, 500, 1)
    expect(timestamps.recent).toBe(1100)
  })

  it('knows nothing before the first', () => {
    expect(new Timestamps(0).isOld(-5, 0)).toBe(false)
  })
})

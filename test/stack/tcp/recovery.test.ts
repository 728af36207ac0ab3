import { describe, expect, it } from 'vitest'
import { DuplicateAcks } from '../../../stack/tcp/loss-detection.ts'
import { ENTERED, isPlausibleBlock, LEFT, NOTHING, Recovery } from '../../../stack/tcp/recovery.ts'
import { Scoreboard } from '../../../stack/tcp/scoreboard.ts'

const MSS = 1000
const seg = (n: number): number => n * MSS

function started(sack: boolean): Recovery {
  const recovery = new Recovery()
  recovery.begin(0, sack)
  return recovery
}

/** An ACK of nothing new that reports segments [left, right). */
function sacked(recovery: Recovery, una: number, nxt: number, left: number, right: number): number {
  const news = recovery.onSack(seg(left), seg(right))
  return recovery.onAck(seg(una), seg(nxt), 0, news > 0, MSS, 0)
}

/** What goes again now, in segments. */
function next(recovery: Recovery): [number, number] | null {
  return recovery.next() ? [recovery.from / MSS, recovery.to / MSS] : null
}

describe('with SACK (RFC 6675)', () => {
  it('takes reported segments out of the pipe, so that new ones go (limited transmit)', () => {
    const recovery = started(true)
    expect(sacked(recovery, 0, 10, 1, 2)).toBe(NOTHING)
    expect([recovery.state, recovery.pipe(0, seg(10), MSS)]).toEqual(['Disorder', seg(9)])
    expect(next(recovery)).toBeNull()
  })

  it('enters when more than two segments are reported, and the first goes whatever the window says', () => {
    const recovery = started(true)
    sacked(recovery, 0, 10, 1, 2)
    sacked(recovery, 0, 10, 2, 3)
    expect(sacked(recovery, 0, 10, 3, 4)).toBe(ENTERED)
    expect([recovery.state, recovery.point, recovery.urgent]).toEqual(['Recovery', seg(10), true])
    expect(next(recovery)).toEqual([0, 1])
    expect(recovery.pipe(0, seg(10), MSS)).toBe(seg(6))
    recovery.onRetransmit(seg(1))
    expect([recovery.urgent, recovery.pipe(0, seg(10), MSS)]).toEqual([false, seg(7)])
    expect(next(recovery)).toBeNull()
  })

  it('enters at once on one ACK that reports three segments', () => {
    expect(sacked(started(true), 0, 10, 1, 4)).toBe(ENTERED)
  })

  it('enters on three ranges, small as they are', () => {
    const recovery = started(true)
    recovery.onSack(2000, 2100)
    recovery.onSack(4000, 4100)
    const news = recovery.onSack(6000, 6100)
    expect(recovery.onAck(0, seg(10), 0, news > 0, MSS, 0)).toBe(ENTERED)
    expect(next(recovery)).toEqual([0, 2])
  })

  it('sends every hole below what was reported again, each once', () => {
    const recovery = started(true)
    recovery.onSack(seg(1), seg(2))
    recovery.onSack(seg(4), seg(5))
    sacked(recovery, 0, 20, 8, 15)
    const gone: [number, number][] = []
    for (let hole = next(recovery); hole !== null; hole = next(recovery)) {
      gone.push(hole)
      recovery.onRetransmit(seg(hole[1]))
    }
    expect(gone).toEqual([
      [0, 1],
      [2, 4],
      [5, 8],
    ])
    // 9 reported, the rest in flight, or in flight again.
    expect(recovery.pipe(0, seg(20), MSS)).toBe(seg(20 - 9))
  })

  it('a partial ACK goes on, the full one leaves', () => {
    const recovery = started(true)
    sacked(recovery, 0, 10, 3, 10)
    recovery.onRetransmit(seg(3))
    expect(recovery.onAck(seg(2), seg(10), seg(2), false, MSS, 0)).toBe(NOTHING)
    expect(recovery.state).toBe('Recovery')
    expect(recovery.onAck(seg(10), seg(10), seg(8), false, MSS, 0)).toBe(LEFT)
    expect([recovery.state, recovery.sacked, recovery.pipe(seg(10), seg(10), MSS)]).toEqual(['Open', 0, 0])
  })

  it('fills holes that are not yet known lost when nothing else may go (rule 3)', () => {
    const recovery = started(true)
    sacked(recovery, 0, 10, 1, 4)
    sacked(recovery, 0, 10, 6, 7)
    recovery.onRetransmit(seg(1))
    expect(next(recovery)).toBeNull()
    expect(recovery.nextHole()).toBe(true)
    expect([recovery.from / MSS, recovery.to / MSS]).toEqual([4, 6])
  })

  it('a timeout takes everything for lost but what was reported', () => {
    const recovery = started(true)
    sacked(recovery, 0, 10, 5, 6)
    expect(recovery.isFirstTimeout(0)).toBe(true)
    recovery.onTimeout(0, seg(10))
    expect([recovery.state, recovery.lost(), recovery.pipe(0, seg(10), MSS)]).toEqual(['Loss', seg(9), 0])
    expect(recovery.isFirstTimeout(0)).toBe(false)
    expect(next(recovery)).toEqual([0, 5])
    recovery.onRetransmit(seg(5))
    expect(next(recovery)).toEqual([6, 10])
    expect(recovery.onAck(seg(10), seg(10), seg(10), false, MSS, 0)).toBe(LEFT)
  })

  it('forgets at a timeout what the receiver must have thrown away (RFC 2018 8)', () => {
    const recovery = started(true)
    sacked(recovery, 0, 10, 1, 10)
    recovery.onAck(seg(1), seg(10), seg(1), false, MSS, 0)
    recovery.onTimeout(seg(1), seg(10))
    expect(recovery.sacked).toBe(0)
    expect(next(recovery)).toEqual([1, 10])
  })
})

describe('without SACK (RFC 6582)', () => {
  const duplicate = (recovery: Recovery, una: number, nxt: number): number =>
    recovery.onAck(seg(una), seg(nxt), 0, true, MSS, 0)

  it('the third duplicate enters; each takes a segment out of the pipe', () => {
    const recovery = started(false)
    expect([duplicate(recovery, 0, 10), duplicate(recovery, 0, 10)]).toEqual([NOTHING, NOTHING])
    expect(recovery.pipe(0, seg(10), MSS)).toBe(seg(8))
    expect(duplicate(recovery, 0, 10)).toBe(ENTERED)
    expect(next(recovery)).toEqual([0, 1])
    recovery.onRetransmit(seg(1))
    expect(recovery.pipe(0, seg(10), MSS)).toBe(seg(7))
    expect(next(recovery)).toBeNull()
  })

  it('a partial ACK condemns the next segment', () => {
    const recovery = started(false)
    for (let i = 0; i < 3; i++) duplicate(recovery, 0, 10)
    recovery.onRetransmit(seg(1))
    recovery.onAck(seg(4), seg(10), seg(4), false, MSS, 0)
    expect(next(recovery)).toEqual([4, 5])
  })

  it('late duplicates of what was sent again begin nothing new', () => {
    const recovery = started(false)
    for (let i = 0; i < 3; i++) duplicate(recovery, 0, 10)
    recovery.onRetransmit(seg(1))
    expect(recovery.onAck(seg(10), seg(10), seg(10), false, MSS, 0)).toBe(LEFT)
    for (let i = 0; i < 5; i++) expect(duplicate(recovery, 10, 20)).toBe(NOTHING)
    recovery.onAck(seg(11), seg(20), seg(1), false, MSS, 0)
    duplicate(recovery, 11, 20)
    duplicate(recovery, 11, 20)
    expect(duplicate(recovery, 11, 20)).toBe(ENTERED)
  })

  it('a timeout begins again from the first byte', () => {
    const recovery = started(false)
    recovery.onTimeout(0, seg(5))
    expect(next(recovery)).toEqual([0, 5])
    recovery.onRetransmit(seg(1))
    expect(recovery.pipe(0, seg(5), MSS)).toBe(seg(1))
    recovery.onAck(seg(5), seg(5), seg(5), false, MSS, 0)
    expect(recovery.state).toBe('Open')
  })
})

describe('which blocks are believed', () => {
  it.each([
    [5, 5, false],
    [6, 5, false],
    [0, 3, false],
    [1, 3, true],
    [9, 10, true],
    [9, 11, false],
    [-5, -2, false],
  ])('[%i, %i) of (0, 10] : %s', (left, right, believed) => {
    expect(isPlausibleBlock(left, right, 0, 10)).toBe(believed)
  })
})

describe('loss by duplicates and SACK', () => {
  it('condemns the first segment at the third duplicate, whatever the scoreboard says', () => {
    const detection = new DuplicateAcks()
    const board = new Scoreboard()
    board.add(500, 700)
    expect(detection.lostBefore(0, seg(5), MSS, 2, false, board)).toBe(0)
    expect(detection.lostBefore(0, seg(5), MSS, 3, false, board)).toBe(500)
    expect(detection.lostBefore(0, 600, MSS, 3, false, null)).toBe(600)
    expect(detection.deadline).toBe(Number.POSITIVE_INFINITY)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../drivers/random.ts'
import { NEVER } from '../../../stack/base/deadlines.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import type { Path } from '../../../stack/network/contract.ts'
import { CONNECTION, ConnectionTable, type TableEntry } from '../../../stack/tcp/connection-table.ts'
import { HalfOpen, SYN_ACK_RETRIES, SynQueue } from '../../../stack/tcp/half-open.ts'
import { Segment } from '../../../stack/tcp/segment.ts'
import { TIME_WAIT_LENGTH, TimeWait, TimeWaits, TW_ACK, TW_NOTHING, TW_REUSE } from '../../../stack/tcp/time-wait.ts'
import { ACK, FIN, RST, SYN } from '../../../stack/wire/tcp.ts'

const LOCAL = [IpAddress.from('192.0.2.1'), IpAddress.from('2001:db8::1')]
const REMOTE = [IpAddress.from('192.0.2.2'), IpAddress.from('198.51.100.7'), IpAddress.from('2001:db8::2')]

describe('the table of connections', () => {
  it('is a map by four-tuple', () => {
    const tuple = fc.tuple(fc.nat(1), fc.nat(20), fc.nat(2), fc.nat(20))
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), tuple), { maxLength: 300 }), (steps) => {
        const table = new ConnectionTable(seededRandom(3))
        const model = new Map<string, TableEntry>()
        for (const [add, [local, localPort, remote, remotePort]] of steps) {
          const key = `${local} ${localPort} ${remote} ${remotePort}`
          const found = model.get(key)
          expect(table.find(LOCAL[local], localPort, REMOTE[remote], remotePort)).toBe(found ?? null)
          if (add && !found) {
            const entry: TableEntry = {
              kind: CONNECTION,
              local: LOCAL[local],
              localPort,
              remote: REMOTE[remote],
              remotePort,
              hash: 0,
              nextInBucket: null,
            }
            table.insert(entry)
            model.set(key, entry)
          } else if (!add && found) {
            expect(table.remove(found)).toBe(true)
            expect(table.remove(found)).toBe(false)
            model.delete(key)
          }
          expect(table.size).toBe(model.size)
        }
        expect(new Set(table.list(CONNECTION))).toEqual(new Set(model.values()))
      }),
    )
  })

  it('spreads neighbours over its buckets', () => {
    const table = new ConnectionTable(seededRandom(4))
    const hashes = new Set<number>()
    for (let port = 1; port <= 4096; port++) {
      const entry = { kind: CONNECTION, local: LOCAL[0], localPort: 80, remote: REMOTE[0], remotePort: port }
      const placed: TableEntry = { ...entry, hash: 0, nextInBucket: null }
      table.insert(placed)
      hashes.add(placed.hash & 4095)
    }
    // Balls into bins: 1 - 1/e of the buckets.
    expect(hashes.size).toBeGreaterThan(2450)
  })
})

describe('the queue of half-open records', () => {
  const path = { source: LOCAL[0], destination: REMOTE[0] } as Path
  const half = (port: number): HalfOpen => new HalfOpen(null as never, path, 80, port, 0, 0)

  it('repeats at 1, 3, 7, 15 and 31 s and gives up at 63 s', () => {
    const queue = new SynQueue()
    queue.add(half(1), 0)
    const times: number[] = []
    while (queue.deadline !== NEVER) {
      const at = queue.deadline
      times.push(at / 1_000_000)
      expect(queue.expire(at - 1)).toBeNull()
      const record = queue.expire(at)
      expect(record?.retries).toBe(times.length)
    }
    expect(times).toEqual([1, 3, 7, 15, 31, 63])
    expect(times).toHaveLength(SYN_ACK_RETRIES + 1)
    expect(queue.size).toBe(0)
  })

  it('keeps many apart and lets any of them go', () => {
    const queue = new SynQueue()
    const records = Array.from({ length: 50 }, (_, n) => half(n))
    for (const [n, record] of records.entries()) queue.add(record, n * 100_000)
    for (const record of records.filter((_, n) => n % 3 === 0)) queue.remove(record)
    for (const record of records.filter((_, n) => n % 3 === 0)) queue.remove(record)
    const due: number[] = []
    for (let record = queue.expire(3_000_000); record !== null; record = queue.expire(3_000_000))
      due.push(record.remotePort)
    const alive = records.map((_, n) => n).filter((n) => n % 3 !== 0)
    expect(due).toEqual(alive.filter((n) => n <= 20))
    expect(queue.size).toBe(alive.length)
    for (let record = queue.first(); record !== null; record = queue.first()) queue.remove(record)
    expect([queue.size, queue.deadline]).toEqual([0, NEVER])
  })
})

function segment(flags: number, sequence: number, payload = 0, tsVal?: number): Segment {
  const out = new Segment()
  out.flags = flags
  out.sequence = sequence
  out.payloadLength = payload
  out.options.timestamps = tsVal !== undefined
  out.options.tsVal = tsVal ?? 0
  return out
}

describe('TIME-WAIT', () => {
  function record(tsRecent?: number): TimeWait {
    const wait = new TimeWait(LOCAL[0], 80, REMOTE[0], 1000)
    wait.rcvNxt = 5000
    wait.sndNxt = 9000
    wait.timestamps = tsRecent !== undefined
    wait.tsRecent = tsRecent ?? 0
    return wait
  }

  it.each<[string, Segment, number | undefined, number]>([
    ['a repeated FIN', segment(FIN | ACK, 4999), undefined, TW_ACK],
    ['old data', segment(ACK, 4000, 100), undefined, TW_ACK],
    ['new data', segment(ACK, 5000, 100), undefined, TW_ACK],
    ['the last ACK', segment(ACK, 5000), undefined, TW_NOTHING],
    ['an ACK out of order', segment(ACK, 6000), undefined, TW_ACK],
    ['a reset (RFC 1337)', segment(RST, 5000), undefined, TW_NOTHING],
    ['a reset with ACK', segment(RST | ACK, 5000), undefined, TW_NOTHING],
    ['data without ACK', segment(0, 5000, 10), undefined, TW_NOTHING],
    ['a SYN beyond', segment(SYN, 5001), undefined, TW_REUSE],
    ['a SYN before', segment(SYN, 4000), undefined, TW_ACK],
    ['a SYN before with a later timestamp (RFC 6191)', segment(SYN, 4000, 0, 101), 100, TW_REUSE],
    ['a SYN before with the same timestamp', segment(SYN, 4000, 0, 100), 100, TW_ACK],
    ['a SYN beyond with an older timestamp', segment(SYN, 6000, 0, 99), 100, TW_ACK],
    ['a SYN-ACK', segment(SYN | ACK, 6000), undefined, TW_ACK],
    ['an ACK with an older timestamp', segment(ACK, 5000, 0, 99), 100, TW_ACK],
  ])('%s', (_name, arriving, tsRecent, verdict) => {
    expect(record(tsRecent).judge(arriving)).toBe(verdict)
  })

  it('expires in order; a restart goes to the end', () => {
    const waits = new TimeWaits()
    const records = [record(), record(), record()]
    for (const [n, wait] of records.entries()) waits.add(wait, n)
    expect([waits.oldest, waits.deadline]).toEqual([records[0], TIME_WAIT_LENGTH])
    waits.restart(records[0], 10)
    expect(waits.oldest).toBe(records[1])
    waits.remove(records[1])
    waits.remove(records[1])
    expect([waits.size, waits.oldest, waits.deadline]).toEqual([2, records[2], TIME_WAIT_LENGTH + 2])
    waits.remove(records[2])
    waits.remove(records[0])
    expect([waits.size, waits.oldest, waits.deadline]).toEqual([0, null, NEVER])
  })
})

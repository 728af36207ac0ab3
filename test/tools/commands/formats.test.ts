// What the commands print, beside what the tools of the same names print.
import { describe, expect, it } from 'vitest'
import { filterCounters, formatNstat } from '../../../tools/commands/nstat.ts'
import { formatTime, PingTally } from '../../../tools/commands/ping-tally.ts'
import { formatSs } from '../../../tools/commands/ss.ts'
import { NstatHistory } from '../../../tools/up/control-handlers.ts'
import { describeError } from '../../../tools/up/ping-run.ts'

describe('nstat', () => {
  it('prints name, value and rate in its columns', () => {
    expect(formatNstat({ IpInReceives: 16, TcpExtTCPPureAcks: 123_456 })).toBe(
      '#pagewire\n' +
        'IpInReceives                    16                 0.0\n' +
        'TcpExtTCPPureAcks               123456             0.0',
    )
  })

  it('chooses by pattern', () => {
    const counters = { IpInReceives: 1, TcpInSegs: 2, TcpOutSegs: 3 }
    expect(filterCounters(counters, [])).toEqual(counters)
    expect(filterCounters(counters, ['Tcp*'])).toEqual({ TcpInSegs: 2, TcpOutSegs: 3 })
    expect(filterCounters(counters, ['tcp?nsegs', 'Ip*'])).toEqual({ IpInReceives: 1, TcpInSegs: 2 })
    expect(filterCounters(counters, ['Tcp.*'])).toEqual({})
  })

  it('remembers the last call', () => {
    const history = new NstatHistory()
    const ask = (counters: Record<string, number>, more = {}) =>
      history.answer(counters, { absolute: false, zeros: false, noUpdate: false, ...more })
    expect(ask({ a: 1, b: 0 })).toEqual({ a: 1 })
    expect(ask({ a: 5, b: 0 }, { noUpdate: true })).toEqual({ a: 4 })
    expect(ask({ a: 5, b: 2 })).toEqual({ a: 4, b: 2 })
    expect(ask({ a: 5, b: 2 })).toEqual({})
    expect(ask({ a: 5, b: 2 }, { zeros: true })).toEqual({ a: 0, b: 0 })
    expect(ask({ a: 5, b: 2 }, { absolute: true })).toEqual({ a: 5, b: 2 })
  })
})

describe('ping', () => {
  const reply = { ping: 'reply', from: '192.0.2.1', ttl: 64, bytes: 64, duplicate: false } as const

  it('prints as iputils does', () => {
    const tally = new PingTally('192.0.2.1', 56, 0)
    expect(tally.head()).toBe('PING 192.0.2.1 (192.0.2.1) 56(84) bytes of data.')
    for (const sequence of [1, 2, 3, 4]) tally.add({ ping: 'sent', sequence })
    expect(tally.add({ ...reply, sequence: 1, rtt: 45 })).toBe(
      '64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=0.045 ms',
    )
    tally.add({ ...reply, sequence: 2, rtt: 78 })
    tally.add({ ...reply, sequence: 3, rtt: 60 })
    expect(tally.add({ ...reply, sequence: 3, rtt: 60, duplicate: true })).toMatch(/ \(DUP!\)$/)
    expect(tally.add({ ping: 'error', from: '192.0.2.2', sequence: 4, message: 'Destination Host Unreachable' })).toBe(
      'From 192.0.2.2 icmp_seq=4 Destination Host Unreachable',
    )
    expect(tally.foot(3062)).toBe(
      '\n--- 192.0.2.1 ping statistics ---\n' +
        '4 packets transmitted, 3 received, +1 duplicates, +1 errors, 25% packet loss, time 3062ms\n' +
        'rtt min/avg/max/mdev = 0.045/0.061/0.078/0.013 ms',
    )
  })

  it('prints no times without an answer', () => {
    const tally = new PingTally('192.0.2.9', 56, 0)
    for (let sequence = 1; sequence <= 3; sequence++) tally.add({ ping: 'sent', sequence })
    expect(tally.foot(2000)).toMatch(/3 packets transmitted, 0 received, 100% packet loss, time 2000ms$/)
    expect(tally.summary(2000)).toMatchObject({ transmitted: 3, received: 0, loss: 100, rtt: { avg: null } })
  })

  it.each([
    [0.0451, '0.045'],
    [0.9996, '1.00'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
  ])('%d ms is printed %s', (time, text) => {
    expect(formatTime(time)).toBe(text)
  })

  it.each([
    [{ type: 3, code: 1, errno: 113 }, 'Destination Host Unreachable'],
    [{ type: 3, code: 3, errno: 111 }, 'Destination Port Unreachable'],
    [{ type: 3, code: 77, errno: 113 }, 'Dest Unreachable, Bad Code: 77'],
    [{ type: 11, code: 0, errno: 113 }, 'Time to live exceeded'],
    [{ type: 0, code: 0, errno: 113 }, 'Destination Host Unreachable'],
    [{ type: 0, code: 0, errno: 1 }, 'EPERM'],
  ])('%o is said %s', (result, text) => {
    expect(describeError(result)).toBe(text)
  })
})

describe('ss', () => {
  it('prints the columns and what TCP knows', () => {
    const sockets = [
      { state: 'LISTEN', recvQ: 0, sendQ: 511, local: '*:80', peer: '*:*' },
      {
        state: 'ESTAB',
        recvQ: 0,
        sendQ: 1048576,
        local: '192.0.2.2:80',
        peer: '192.0.2.1:40404',
        info: { ts: true, sack: false, congestion: 'cubic', rto: 204, cwnd: 10 },
      },
    ]
    expect(formatSs(sockets, true)).toBe(
      [
        'State   Recv-Q  Send-Q   Local Address:Port  Peer Address:Port',
        'LISTEN  0       511                    *:80                *:*',
        'ESTAB   0       1048576        192.0.2.2:80    192.0.2.1:40404',
        '\t ts cubic rto:204 cwnd:10',
      ].join('\n'),
    )
    expect(formatSs(sockets, false)).not.toContain('cubic')
  })
})

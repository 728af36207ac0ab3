import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Figures } from '../../../tools/serve/status.ts'
import { LiveLine, liveText } from '../../../tools/up/live-line.ts'

const zero: Figures = {
  rxPackets: 0,
  rxBytes: 0,
  txPackets: 0,
  txBytes: 0,
  connections: 0,
  copiedBytes: 0,
  summedBytes: 0,
  retransmissions: 0,
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function output(isTTY: boolean, columns = 80) {
  const written: string[] = []
  return { written, isTTY, columns, write: (text: string) => written.push(text) }
}

it('says rates and totals', () => {
  const now = { ...zero, rxPackets: 2000, rxBytes: 132_000, txPackets: 80_000, txBytes: 125_000_000, connections: 2 }
  expect(liveText('pw0', zero, now, 2)).toBe(
    'pw0  in 528 kbit/s 1.00 kp/s (132 kB)  out 500 Mbit/s 40.0 kp/s (125 MB)  2 conn  copied 0 B/s  summed 0 B/s',
  )
  expect(liveText('pw0', zero, { ...now, retransmissions: 3 }, 2)).toMatch(/ {2}3 resent$/)
})

it('draws one line on a terminal, anew every second, never wider than it', () => {
  const out = output(true, 40)
  const live = new LiveLine({ name: 'pw0', figures: () => zero, output: out, json: false })
  live.start()
  vi.advanceTimersByTime(2000)
  live.stop()
  expect(out.written).toHaveLength(4)
  for (const text of out.written.slice(0, 3)) {
    expect(text.slice(0, 9)).toBe('\r\x1b[2Kpw0 ')
    expect(text.length - '\r\x1b[2K'.length).toBeLessThan(40)
  }
  expect(out.written[3]).toBe('\r\x1b[2K')
  vi.advanceTimersByTime(5000)
  expect(out.written).toHaveLength(4)
})

it('prints plain lines elsewhere, only when something has changed', () => {
  const out = output(false)
  let figures = zero
  const live = new LiveLine({ name: 'pw0', figures: () => figures, output: out, json: false })
  live.start()
  vi.advanceTimersByTime(20_000)
  expect(out.written).toEqual([])
  figures = { ...zero, rxPackets: 1 }
  vi.advanceTimersByTime(20_000)
  expect(out.written).toHaveLength(1)
  expect(out.written[0]).toMatch(/^pw0 {2}in .*\n$/)
  live.clear()
  live.stop()
  expect(out.written).toHaveLength(1)
})

it('prints JSON for programs, on a terminal too', () => {
  const out = output(true)
  let figures = zero
  const live = new LiveLine({ name: 'pw0', figures: () => figures, output: out, json: true })
  live.start()
  figures = { ...zero, txBytes: 7 }
  vi.advanceTimersByTime(5000)
  live.stop()
  expect(out.written.map((text) => JSON.parse(text))).toEqual([{ event: 'figures', ...figures }])
})

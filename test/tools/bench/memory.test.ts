// What is read from /proc, and from the heap.
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { answerWatch, type HeapReport, HeapWatch } from '../../../tools/bench/heap-watch.ts'
import { parsePrivate, parseTicks, privateKib, slabKib } from '../../../tools/bench/memory.ts'

describe('/proc', () => {
  it('private memory is the sum of the Private lines', () => {
    const text =
      'Rss:     900 kB\nShared_Dirty:  5 kB\nPrivate_Clean:   10 kB\nPrivate_Dirty:  200 kB\nPrivate_Hugetlb: 4 kB\n'
    expect(parsePrivate(text)).toBe(214)
  })

  it('processor time stands behind the name, whatever is in it', () => {
    expect(parseTicks('7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 1 0 1 2 3')).toBe(42)
  })

  it('is there', () => {
    expect(privateKib(process.pid)).toBeGreaterThan(1000)
    expect(slabKib()).toBeGreaterThan(0)
  })
})

describe('the heap', () => {
  it('sees what is allocated, also when it is collected meanwhile', () => {
    const watch = new HeapWatch()
    const bytes = 64 * 2 ** 20
    let kept: number[] = []
    // Arrays of doubles: 8 bytes each.
    for (let made = 0; made < bytes; made += 8 * 1024) kept = Array.from({ length: 1024 }, (_, i) => i + made + 0.5)
    const report = watch.stop()
    expect(kept).toHaveLength(1024)
    expect(report.collections).toBeGreaterThan(0)
    expect(report.allocated).toBeGreaterThan(bytes * 0.9)
    expect(report.allocated).toBeLessThan(bytes * 8)
    expect(report.longestCollection).toBeGreaterThan(0)
  })

  it('sees a loop that stands still', async () => {
    const watch = new HeapWatch()
    const turn = () => new Promise((resolve) => setTimeout(resolve, 5))
    await turn()
    const until = performance.now() + 60
    while (performance.now() < until);
    await turn()
    expect(watch.stop().longestStall).toBeGreaterThan(40)
  })

  it('is asked by lines', async () => {
    const input = new PassThrough()
    const lines: string[] = []
    const told = new Promise<void>((resolve) => {
      answerWatch(input, (line) => {
        lines.push(line)
        if (lines.length === 4) resolve()
      })
    })
    input.write('stop\nstart\nwhat\nstop\n')
    await told
    expect(lines.slice(0, 3).map((line) => JSON.parse(line))).toEqual([
      { error: 'start or stop' },
      {},
      { error: 'start or stop' },
    ])
    const report = JSON.parse(lines[3]) as HeapReport
    expect(Object.keys(report).sort()).toEqual(['allocated', 'collections', 'longestCollection', 'longestStall'])
    for (const value of Object.values(report)) expect(value).toBeGreaterThanOrEqual(0)
  })
})

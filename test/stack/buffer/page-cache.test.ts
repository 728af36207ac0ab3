// The page cache against a model: whatever is asked in whatever order, the right page comes, loads are shared, the budget
// holds as far as nobody holds pages, and in the end every page is back.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Page } from '../../../stack/buffer/page.ts'
import { type CachedFile, PageCache, type PageSource } from '../../../stack/buffer/page-cache.ts'

const PAGE = 64

/** A source whose loads end when the test says so, and that counts the pages that are out. */
class Source implements PageSource {
  readonly size: number
  out = 0
  closed = 0
  failing = false
  readonly absent = new Set<Page>()
  readonly pending: { offset: number; length: number; done: (page: Page | null, errno: number) => void }[] = []

  constructor(size: number) {
    this.size = size
  }

  load(offset: number, length: number, done: (page: Page | null, errno: number) => void): void {
    expect(this.closed).toBe(0)
    expect(this.pending.some((each) => each.offset === offset)).toBe(false)
    this.pending.push({ offset, length, done })
  }

  isResident(page: Page): boolean {
    return !this.absent.has(page)
  }

  close(): void {
    this.closed++
  }

  recycle(): void {
    this.out--
  }

  complete(which = 0): void {
    const [load] = this.pending.splice(which, 1)
    if (this.failing) {
      load.done(null, 5)
      return
    }
    this.out++
    const page = new Page(this, 1, new ArrayBuffer(load.length), 0, load.length)
    page.bytes.fill(load.offset / PAGE)
    load.done(page, 0)
  }
}

function setUp(size: number, options: { budget?: number; readAhead?: number } = {}) {
  const cache = new PageCache({ pageSize: PAGE, budget: 4 * PAGE, readAhead: 2, ...options })
  const source = new Source(size)
  return { cache, source, file: cache.add('a', source) }
}

function loaded(file: CachedFile, source: Source, index: number): Page {
  let page: Page | null = null
  file.load(index, () => {
    page = file.take(index)
  })
  source.complete()
  return page as unknown as Page
}

describe('PageCache', () => {
  it('loads a page once for all who wait, and finds it afterwards', () => {
    const { cache, source, file } = setUp(1000)
    const told: number[] = []
    expect(file.take(3)).toBe(null)
    for (let i = 0; i < 5; i++) file.load(3, (errno) => told.push(errno))
    expect(source.pending).toHaveLength(1)
    source.complete()
    expect(told).toEqual([0, 0, 0, 0, 0])
    const page = file.take(3) as Page
    expect(page.bytes[0]).toBe(3)
    expect(file.take(3)).toBe(page)
    expect(cache).toMatchObject({ loads: 1, hits: 2, misses: 1, bytes: PAGE })
    page.release()
    page.release()
    cache.close()
    file.release()
    expect(source).toMatchObject({ out: 0, closed: 1 })
  })

  it('has a last page that is shorter', () => {
    const { source, file } = setUp(PAGE + 10)
    file.load(1, () => {})
    expect(source.pending[0]).toMatchObject({ offset: PAGE, length: 10 })
  })

  it('tells all who wait of an error, and tries again when asked again', () => {
    const { source, file } = setUp(1000)
    const told: number[] = []
    source.failing = true
    file.load(0, (errno) => told.push(errno))
    file.load(0, (errno) => told.push(errno))
    source.complete()
    expect(told).toEqual([5, 5])
    source.failing = false
    loaded(file, source, 0).release()
  })

  it('reads ahead, not beyond the last page that is wanted, and never twice', () => {
    const { source, file } = setUp(10 * PAGE, { readAhead: 3 })
    file.readAhead(1, 9)
    expect(source.pending.map(({ offset }) => offset / PAGE)).toEqual([1, 2, 3])
    file.readAhead(2, 4)
    expect(source.pending.map(({ offset }) => offset / PAGE)).toEqual([1, 2, 3, 4])
  })

  it('lets the page go that was not used for the longest time', () => {
    const { cache, source, file } = setUp(1000)
    for (const index of [0, 1, 2, 3]) loaded(file, source, index).release()
    file.take(0)?.release()
    loaded(file, source, 4).release()
    expect(file.take(1)).toBe(null)
    expect(file.take(0)?.bytes[0]).toBe(0)
    expect(cache).toMatchObject({ evictions: 1, bytes: 4 * PAGE })
  })

  it('keeps what is in use, beyond the budget, and comes back to it', () => {
    const { cache, source, file } = setUp(1000)
    const held = [0, 1, 2, 3, 4, 5].map((index) => loaded(file, source, index))
    expect(cache.bytes).toBe(6 * PAGE)
    for (const page of held) page.release()
    loaded(file, source, 6).release()
    expect(cache.bytes).toBe(4 * PAGE)
  })

  it('loads a page again that has left memory', () => {
    const { cache, source, file } = setUp(1000)
    const page = loaded(file, source, 0)
    source.absent.add(page)
    expect(file.take(0)).toBe(null)
    expect(cache.reloads).toBe(1)
    page.release()
    loaded(file, source, 0).release()
  })

  it('forgets a file while it is used and while it is being loaded', () => {
    const { cache, source, file } = setUp(1000)
    const page = loaded(file, source, 0)
    file.load(1, () => {})
    cache.forget(file)
    expect(cache.find('a')).toBe(null)
    expect(page.bytes[0]).toBe(0)
    source.complete()
    expect(cache.bytes).toBe(0)
    page.release()
    expect(source).toMatchObject({ out: 0, closed: 0 })
    file.release()
    expect(source.closed).toBe(1)
  })

  it('holds against generated lives', () => {
    const operation = fc.record({
      what: fc.constantFrom('take', 'load', 'ahead', 'complete', 'release', 'absent', 'fail', 'forget'),
      file: fc.nat(2),
      n: fc.nat(11),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), fc.integer({ min: 1, max: 6 }), (operations, budget) => {
        const cache = new PageCache({ pageSize: PAGE, budget: budget * PAGE, readAhead: 3 })
        const all: Source[] = []
        const open = [0, 1, 2].map(() => openFile(cache, all))
        const held: { page: Page; index: number }[] = []
        let waiting = 0
        for (const { what, file: which, n } of operations) {
          const { file, source } = open[which]
          if (what === 'take') {
            const page = file.take(n)
            if (page) held.push({ page, index: n })
          } else if (what === 'load' && !file.entries.get(n)?.page) {
            waiting++
            file.load(n, (errno) => {
              waiting--
              const page = errno === 0 ? file.take(n) : null
              expect(page !== null).toBe(errno === 0)
              if (page) held.push({ page, index: n })
            })
          } else if (what === 'ahead') file.readAhead(n, 11)
          else if (what === 'complete' && source.pending.length > 0) source.complete(n % source.pending.length)
          else if (what === 'release') held.splice(n % (held.length || 1), 1)[0]?.page.release()
          else if (what === 'absent') markAbsent(source, held.at(-1)?.page)
          else if (what === 'fail') source.failing = n % 4 === 0
          else if (what === 'forget' && n === 0) {
            cache.forget(file)
            file.release()
            open[which] = openFile(cache, all)
          }
          // A page never turns into another while somebody holds it.
          for (const { page, index } of held) expect(page.bytes[0]).toBe(index)
          const distinct = new Set(held.map(({ page }) => page))
          expect(cache.bytes).toBeLessThanOrEqual(budget * PAGE + distinct.size * PAGE)
        }
        for (const source of all) while (source.pending.length > 0) source.complete()
        expect(waiting).toBe(0)
        expect(cache.loading).toBe(0)
        for (const { page } of held) page.release()
        cache.close()
        for (const { file } of open) file.release()
        expect(cache.bytes).toBe(0)
        for (const source of all) expect(source).toMatchObject({ out: 0, closed: 1 })
      }),
      { numRuns: 300 },
    )
  })
})

function markAbsent(source: Source, page: Page | undefined): void {
  if (page) source.absent.add(page)
}

let opened = 0

function openFile(cache: PageCache, all: Source[]): { file: CachedFile; source: Source } {
  const source = new Source(12 * PAGE)
  all.push(source)
  return { source, file: cache.add(`file ${++opened}`, source) }
}

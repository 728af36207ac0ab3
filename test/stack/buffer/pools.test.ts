import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainMemory } from '../../../drivers/wire/memory.ts'
import { CHECKSUM_NONE, type Frame, FramePool, GSO_NONE, MAX_REFS } from '../../../stack/buffer/frame.ts'
import { type Memory, Page, type Region } from '../../../stack/buffer/page.ts'
import { PageFiller } from '../../../stack/buffer/page-filler.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'

/** Memory that knows what is registered. */
class CountingMemory implements Memory {
  readonly regions = new Map<number, Region>()
  made = 0
  private nextId = 1

  allocate(byteLength: number): Region {
    this.made++
    return this.adopt(new ArrayBuffer(byteLength))
  }

  adopt(buffer: ArrayBuffer): Region {
    const region = { id: this.nextId++, buffer }
    this.regions.set(region.id, region)
    return region
  }

  release(region: Region): void {
    if (!this.regions.delete(region.id)) throw new Error('released twice')
  }
}

describe('pages', () => {
  it('go home with their last reference, and complain about one too many', () => {
    const home: Page[] = []
    const page = new Page({ recycle: (back) => home.push(back) }, 1, new ArrayBuffer(64), 16, 32)
    expect([page.bytes.byteOffset, page.bytes.length, page.view.byteLength]).toEqual([16, 32, 32])
    page.retain()
    page.release()
    expect(home).toEqual([])
    page.release()
    expect(home).toEqual([page])
    expect(() => page.release()).toThrow()
  })

  it('that only native code may touch have no bytes', () => {
    const page = new Page(null, 1, null, 0, 4096)
    expect([page.touchable, page.bytes.length, page.view.byteLength, page.length]).toEqual([false, 0, 0, 4096])
    page.release()
  })
})

describe('the page pool', () => {
  it('hands out distinct stretches, never more than its limit, and uses them again', () => {
    const memory = new CountingMemory()
    const pool = new PagePool(memory, { pageSize: 64, slab: 4, limit: 6 })
    const pages = Array.from({ length: 6 }, () => pool.allocate() as Page)
    expect(new Set(pages.map((page) => `${page.region}:${page.regionOffset}`)).size).toBe(6)
    expect(pool.allocate()).toBe(null)
    expect(memory.made).toBe(2)
    pages[3].release()
    expect(pool.allocate()).toBe(pages[3])
    for (const page of pages) page.release()
    expect(pool.outstanding).toBe(0)
    pool.close()
    expect(memory.regions.size).toBe(0)
    expect(pool.allocate()).toBe(null)
  })

  it('closes under pages that are out: their memory goes when the last one comes back', () => {
    const memory = new CountingMemory()
    const pool = new PagePool(memory, { pageSize: 64, slab: 2, limit: 6 })
    const [a, b] = [pool.allocate() as Page, pool.allocate() as Page]
    pool.close()
    pool.close()
    a.release()
    expect(memory.regions.size).toBe(1)
    b.bytes[0] = 1
    b.release()
    expect(memory.regions.size).toBe(0)
  })

  it('takes back the memory of a surrendered page, once and only while it wants it', () => {
    const memory = new CountingMemory()
    const pool = new PagePool(memory, { pageSize: 64, slab: 1, limit: 2, detachable: true })
    const page = pool.allocate() as Page
    const { buffer } = pool.surrender(page) as Uint8Array<ArrayBuffer>
    expect(memory.regions.size).toBe(0)
    expect(pool.reclaim(buffer)).toBe(true)
    const again = pool.allocate() as Page
    expect([again.bytes.buffer, again.count, memory.made, memory.regions.size]).toEqual([buffer, 1, 1, 1])
    expect(memory.regions.get(again.region)?.buffer).toBe(buffer)
    again.release()
    expect(pool.reclaim(new ArrayBuffer(63))).toBe(false)
    const moved = new ArrayBuffer(64)
    structuredClone(moved, { transfer: [moved] })
    expect(pool.reclaim(moved)).toBe(false)
    pool.close()
    expect(pool.reclaim(new ArrayBuffer(64))).toBe(false)
    expect([pool.outstanding, memory.regions.size]).toEqual([0, 0])
  })

  it('detachable pages are buffers of their own; a surrendered one never comes back', () => {
    const memory = new CountingMemory()
    const pool = new PagePool(memory, { pageSize: 64, slab: 4, limit: 3, detachable: true })
    const [a, b] = [pool.allocate() as Page, pool.allocate() as Page]
    expect(a.bytes.buffer).not.toBe(b.bytes.buffer)
    b.retain()
    expect(() => pool.surrender(b)).toThrow()
    b.release()
    const { bytes } = a
    expect(pool.surrender(a)).toBe(bytes)
    expect([pool.outstanding, pool.surrendered, memory.regions.has(a.region)]).toEqual([1, 1, false])
    expect(() => pool.surrender(a)).toThrow()
    b.release()
    expect(pool.allocate()).toBe(b)
    pool.close()
    b.release()
    expect(memory.regions.size).toBe(0)
    const slab = new PagePool(memory, { pageSize: 64, slab: 1, limit: 1 })
    const page = slab.allocate() as Page
    expect(() => slab.surrender(page)).toThrow()
    page.release()
  })

  it('counts right whatever is taken and given back in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 100 }), fc.boolean(), (choices, detachable) => {
        const memory = new CountingMemory()
        const pool = new PagePool(memory, { pageSize: 16, slab: 3, limit: 8, detachable })
        const out: Page[] = []
        for (const choice of choices) {
          if (choice % 2 === 0) {
            const page = pool.allocate()
            expect(page === null).toBe(out.length === 8)
            if (page) {
              expect(out.includes(page)).toBe(false)
              out.push(page)
            }
          } else if (out.length > 0) {
            const [page] = out.splice(choice % out.length, 1)
            if (detachable && choice === 19) pool.surrender(page)
            else page.release()
          }
          expect(pool.outstanding).toBe(out.length)
        }
        for (const page of out) page.release()
        pool.close()
        expect([pool.outstanding, memory.regions.size]).toEqual([0, 0])
      }),
    )
  })
})

describe('frames', () => {
  const make = (limit = 64) => {
    const pages = new PagePool(plainMemory(), { pageSize: 256, slab: 8, limit })
    return { pages, frames: new FramePool(pages) }
  }

  it('come back from the pool with nothing of their former life', () => {
    const { pages, frames } = make()
    const first = frames.allocate(64) as Frame
    const fresh = JSON.stringify({ ...first, pool: 0, head: 0, pages: 0 })
    Object.assign(first, { csumStart: 3, csumOffset: 4, gsoSize: 5, gsoType: 1, networkOffset: 6, transportOffset: 7 })
    Object.assign(first, { checksum: 2, segments: 9, owner: { onTransmitError() {} } })
    first.addRef(pages.allocate() as Page, 1, 2)
    first.push(14)
    first.release()
    const again = frames.allocate(64) as Frame
    expect(again).toBe(first)
    expect({ ...again }).toMatchObject({
      csumStart: -1,
      gsoSize: 0,
      gsoType: GSO_NONE,
      checksum: CHECKSUM_NONE,
      segments: 1,
    })
    again.offsets.fill(0)
    again.lengths.fill(0)
    expect(JSON.stringify({ ...again, pool: 0, head: 0, pages: 0 })).toBe(fresh)
    again.release()
    expect([frames.outstanding, pages.outstanding]).toEqual([0, 0])
  })

  it('hold as many refs as Linux, count their bytes, and release each page once', () => {
    const { pages, frames } = make()
    const frame = frames.allocate(100) as Frame
    frame.end += 20
    for (let i = 0; i < MAX_REFS; i++) expect(frame.addRef(pages.allocate() as Page, i, 10 + i)).toBe(true)
    const spare = pages.allocate() as Page
    expect(frame.addRef(spare, 0, 1)).toBe(false)
    spare.release()
    const bytes = MAX_REFS * 10 + (MAX_REFS * (MAX_REFS - 1)) / 2
    expect([frame.headLength, frame.refBytes, frame.length]).toEqual([20, bytes, 20 + bytes])
    expect(frame.push(14)).toBe(86)
    expect(frame.length).toBe(34 + bytes)
    frame.release()
    expect([frames.outstanding, pages.outstanding]).toEqual([0, 0])
  })

  it('are refused when header pages are at their limit', () => {
    const { frames } = make(2)
    const out = [frames.allocate(0), frames.allocate(0)]
    expect(frames.allocate(0)).toBe(null)
    expect(frames.outstanding).toBe(2)
    for (const frame of out) frame?.release()
    expect(frames.allocate(0)).not.toBe(null)
  })

  it('share a page between frames', () => {
    const { pages, frames } = make()
    const page = pages.allocate() as Page
    const two = [frames.allocate(0) as Frame, frames.allocate(0) as Frame]
    for (const frame of two) frame.addRef(page.retain(), 0, 10)
    page.release()
    two[0].release()
    expect(page.count).toBe(1)
    two[1].release()
    expect(pages.outstanding).toBe(0)
  })
})

describe('the page filler', () => {
  it('never gives out a byte twice while somebody holds it, and leaks nothing', () => {
    const step = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: -10, max: -1 }))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const pages = new PagePool(plainMemory(), { pageSize: 100, slab: 4, limit: 5 })
        const filler = new PageFiller(pages)
        const held: { page: Page; from: number; to: number }[] = []
        for (const value of steps) {
          if (value < 0) {
            if (held.length > 0) held.splice(-value % held.length, 1)[0].page.release()
            continue
          }
          const page = filler.take(value)
          if (!page) {
            expect(pages.outstanding).toBe(5)
            continue
          }
          const piece = { page, from: filler.offset, to: filler.offset + value }
          expect(piece.to).toBeLessThanOrEqual(100)
          for (const other of held) {
            if (other.page === page && value > 0) expect(piece.from >= other.to || piece.to <= other.from).toBe(true)
          }
          held.push(piece)
        }
        for (const { page } of held) page.release()
        filler.close()
        expect(pages.outstanding).toBe(0)
      }),
    )
  })
})

// A mapped file copied from by the processor: any stretch, over the borders of windows, and a file that becomes shorter.
import { randomFillSync } from 'node:crypto'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MappedCopy } from '../../../drivers/files/index.ts'
import { addonOrFail } from '../../native/addon.ts'

const SIZE = (2 << 20) + 4321

describe('a mapped file that is copied from', () => {
  const content = randomFillSync(Buffer.alloc(SIZE))
  let folder: string
  let path: string
  let regions: number

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewire-test-'))
    path = join(folder, 'file')
    writeFileSync(path, content)
    regions = addonOrFail().regionCount()
  })

  afterEach(() => {
    expect(addonOrFail().regionCount()).toBe(regions)
    rmSync(folder, { recursive: true })
  })

  const opened = async () => {
    const handle = await open(path)
    const mapped = await MappedCopy.open(handle)
    // The mapping has a descriptor of its own.
    await handle.close()
    return mapped
  }

  it('gives its bytes, and counts them', async () => {
    const mapped = await opened()
    expect(mapped.size).toBe(SIZE)
    const out = Buffer.alloc(SIZE - 1_000_003)
    mapped.copy(1_000_003, out)
    expect(out.equals(content.subarray(1_000_003))).toBe(true)
    mapped.copy(0, out.subarray(0, 10))
    expect(out.subarray(0, 10).equals(content.subarray(0, 10))).toBe(true)
    expect(mapped.copied).toBe(SIZE - 1_000_003 + 10)
    mapped.close()
  })

  it('takes no stretch that it does not have', async () => {
    const mapped = await opened()
    expect(() => mapped.copy(SIZE - 10, Buffer.alloc(11))).toThrow(RangeError)
    expect(() => mapped.copy(-1, Buffer.alloc(1))).toThrow(RangeError)
    mapped.close()
  })

  it('throws EFAULT when the file became shorter, and goes on', async () => {
    const mapped = await opened()
    truncateSync(path, 100_000)
    expect(() => mapped.copy(1_500_000, Buffer.alloc(100))).toThrow(expect.objectContaining({ code: 'EFAULT' }))
    const out = Buffer.alloc(90_000)
    mapped.copy(10_000, out)
    expect(out.equals(content.subarray(10_000, 100_000))).toBe(true)
    mapped.close()
  })
})

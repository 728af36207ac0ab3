// Mapped files: windows as regions, and what happens when the file becomes shorter under them. A touch of a truncated mapping
// would end this process with SIGBUS; that it goes on is part of every test here.

import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NativeMappedFile } from '../../native/index.ts'
import { sumBytes } from '../../nic/checksum.ts'
import { EFAULT, EINVAL, EMSGSIZE } from '../../stack/base/errno.ts'
import { addonOrFail } from './addon.ts'

const SIZE = 200_001
const content = Uint8Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >> 8)) & 0xff)

const sum = (bytes: Uint8Array) => sumBytes(new DataView(bytes.buffer, bytes.byteOffset), 0, bytes.length)

describe('a mapped file', () => {
  const addon = addonOrFail()
  let folder: string
  let path: string
  let file: NativeMappedFile
  let regions: number
  const list = new ArrayBuffer(12)
  let listId: number

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewire-test-'))
    path = join(folder, 'file')
    writeFileSync(path, content)
    regions = addon.regionCount()
    listId = addon.registerRegion(list)
    file = new addon.MappedFile()
    const fd = openSync(path, 'r')
    expect(file.open(fd)).toBe(0)
    closeSync(fd)
  })

  afterEach(() => {
    file.close()
    addon.unregisterRegion(listId)
    expect(addon.regionCount()).toBe(regions)
    rmSync(folder, { recursive: true })
  })

  const map = (offset: number, length: number): Promise<number> =>
    new Promise((done) => {
      expect(file.map(offset, length, done)).toBe(0)
    })

  const piece = (region: number, offset: number, length: number) => new Uint32Array(list).set([region, offset, length])

  it('is summed and copied as it is, also when its name is gone', async () => {
    unlinkSync(path)
    const region = await map(65536, SIZE - 65536)
    expect(addon.regionResident(region)).toBe(1)
    piece(region, 3, 100_000)
    const expected = content.subarray(65539, 165_539)
    expect(addon.sum(listId, 1)).toBe(sum(expected))
    const out = new Uint8Array(100_010)
    expect(addon.copyAndSum(listId, 1, out, 10)).toBe(sum(expected))
    expect(out.subarray(10)).toEqual(expected)
    out.fill(0)
    expect(addon.copy(listId, 1, out, 0)).toBe(0)
    expect(out.subarray(0, 100_000)).toEqual(expected)
    expect(addon.unregisterRegion(region)).toBe(0)
    expect(addon.sum(listId, 1)).toBe(-EFAULT)
    expect(addon.regionResident(region)).toBe(-EINVAL)
  })

  it('refuses bytes outside of the window', async () => {
    const region = await map(0, 4096)
    piece(region, 4000, 97)
    expect(addon.sum(listId, 1)).toBe(-EFAULT)
    addon.unregisterRegion(region)
  })

  it('answers EFAULT when it became shorter, before and after it was mapped', async () => {
    const region = await map(0, SIZE)
    truncateSync(path, 5000)
    expect(file.changed()).toBe(1)
    piece(region, 100_000, 1000)
    expect(addon.sum(listId, 1)).toBe(-EFAULT)
    expect(addon.copy(listId, 1, new Uint8Array(1000), 0)).toBe(-EFAULT)
    expect(addon.copyAndSum(listId, 1, new Uint8Array(1000), 0)).toBe(-EFAULT)
    expect(await map(65536, 4096)).toBe(-EFAULT)
    piece(region, 0, 5000)
    expect(addon.sum(listId, 1)).toBe(sum(content.subarray(0, 5000)))
    addon.unregisterRegion(region)
  })

  it('can be touched by the processor, and answers EFAULT where it became shorter', async () => {
    const region = await map(0, SIZE)
    const out = new Uint8Array(SIZE + 5)
    expect(addon.copyMapped(region, 1, SIZE - 1, out, 5)).toBe(0)
    expect(out.subarray(5, SIZE + 4)).toEqual(content.subarray(1))
    expect(addon.copyMapped(region, 1, SIZE, out, 0)).toBe(-EFAULT)
    expect(addon.copyMapped(region, 0, SIZE, out, 6)).toBe(-EMSGSIZE)
    expect(addon.copyMapped(listId, 0, 1, out, 0)).toBe(-EINVAL)
    truncateSync(path, 5000)
    // Twice: the first SIGBUS leaves the handler and its mask as they were.
    for (let i = 0; i < 2; i++) expect(addon.copyMapped(region, 0, SIZE, out, 0)).toBe(-EFAULT)
    expect(addon.copyMapped(region, 0, 5000, out, 0)).toBe(0)
    expect(out.subarray(0, 5000)).toEqual(content.subarray(0, 5000))
    addon.unregisterRegion(region)
    expect(addon.copyMapped(region, 0, 1, out, 0)).toBe(-EINVAL)
  })

  it('knows a change from none', () => {
    expect(file.changed()).toBe(0)
    unlinkSync(path)
    expect(file.changed()).toBe(0)
    expect(file.size()).toBe(SIZE)
    expect(file.key()).toMatch(new RegExp(`^\\d+:\\d+:${SIZE}:\\d+$`))
  })

  it('cannot serve as the memory of a list or a ring', async () => {
    const region = await map(0, 4096)
    expect(addon.sum(region, 1)).toBe(-EINVAL)
    addon.unregisterRegion(region)
  })

  it('takes no folder, no odd offset and nothing after its end', async () => {
    const fd = openSync(folder, 'r')
    expect(new addon.MappedFile().open(fd)).toBe(-EINVAL)
    closeSync(fd)
    expect(await map(100, 4096)).toBe(-EINVAL)
    expect(file.map(0, 0, () => {})).toBe(-EINVAL)
    file.close()
    expect(file.map(0, 4096, () => {})).toBeLessThan(0)
  })
})

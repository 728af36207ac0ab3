// Memory of the tests' own: a region is an ArrayBuffer filled with noise, so that code which counts on zeros is found out.

import type { Memory, Region } from '../../../stack/buffer/page.ts'

export class TestMemory implements Memory {
  readonly regions = new Map<number, Region>()
  private last = 0

  allocate(byteLength: number): Region {
    const buffer = new ArrayBuffer(byteLength)
    const bytes = new Uint8Array(buffer)
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 37 + 91) & 0xff
    return this.adopt(buffer)
  }

  adopt(buffer: ArrayBuffer): Region {
    const region = { id: ++this.last, buffer }
    this.regions.set(region.id, region)
    return region
  }

  release(region: Region): void {
    if (!this.regions.delete(region.id)) throw new Error('a region was released twice')
  }
}

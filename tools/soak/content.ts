// What passes over the connections: a block of bytes drawn from the seed, said over and over. Both ends know what byte stands at
// which offset of which stream, so that each chunk is compared as it comes and nothing has to be kept. Owns no connection.

import { createCipheriv, createHash } from 'node:crypto'

/** A prime, so that bytes that went astray by a page, a segment or a power of two are not those that belong there. */
export const BLOCK = 1_048_573

/** Bytes that look random and follow from the seed. */
export function patternBlock(seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(BLOCK))
}

/** A stream starts at `origin` of the block. Reads are slices of the block, not copies. */
export class Content {
  readonly block: Buffer

  constructor(block: Buffer) {
    this.block = block
  }

  /** At most `most` bytes of a stream from `offset` on: up to where the block starts again. */
  slice(origin: number, offset: number, most: number): Buffer {
    const at = (origin + offset) % BLOCK
    return this.block.subarray(at, Math.min(BLOCK, at + most))
  }
}

/** The receiving end of one stream. */
export class Checker {
  /** Bytes that came, right or not. */
  received = 0
  private readonly content: Content
  private readonly origin: number
  private readonly expected: number
  private wrongAt = -1

  constructor(content: Content, origin: number, expected: number) {
    this.content = content
    this.origin = origin
    this.expected = expected
  }

  get complete(): boolean {
    return this.wrongAt < 0 && this.received === this.expected
  }

  /** False from the first byte on that is not the one that belongs there. */
  take(chunk: Uint8Array): boolean {
    for (let at = 0; at < chunk.length && this.wrongAt < 0; ) {
      const right = this.content.slice(this.origin, this.received + at, chunk.length - at)
      if (right.compare(chunk, at, at + right.length) !== 0) this.wrongAt = this.received + at
      at += right.length
    }
    this.received += chunk.length
    if (this.wrongAt < 0 && this.received > this.expected) this.wrongAt = this.expected
    return this.wrongAt < 0
  }

  /** An empty string, or what is wrong. Content only: a stream may be cut short. */
  get trouble(): string {
    return this.wrongAt < 0 ? '' : `a wrong byte at or behind offset ${this.wrongAt} of ${this.expected}`
  }
}

// The language of the control socket: lines of JSON in both directions, and after a line `{"rawBytes":N}` exactly
// N raw bytes (a piece of a capture); no message has that field. Owns splitting and limits, not meaning. Whatever comes in, `push` does not throw: it
// answers what was wrong, and the connection is closed then.

/** The longest line, and the longest run of raw bytes. */
export const MAX_LINE = 1 << 20
export const MAX_BYTES = 1 << 24

const NEWLINE = 10

/** Told of what was split. */
export interface FrameSink {
  onMessage(message: Record<string, unknown>): void
  onBytes(bytes: Buffer): void
}

export class FrameSplitter {
  private readonly sink: FrameSink
  private pending: Buffer = Buffer.alloc(0)
  /** Raw bytes that are still to come. */
  private raw = 0

  constructor(sink: FrameSink) {
    this.sink = sink
  }

  /** Takes what came. An empty string, or what is wrong; nothing more is to be pushed then. */
  push(chunk: Buffer): string {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk])
    for (;;) {
      const fault = this.raw > 0 ? this.takeRaw() : this.takeLine()
      if (fault !== null) return fault
    }
  }

  /** Whether something was cut off by the end of the stream. */
  get incomplete(): boolean {
    return this.pending.length > 0 || this.raw > 0
  }

  /** Null: go on; an empty string: more must come. */
  private takeRaw(): string | null {
    if (this.pending.length < this.raw) return ''
    const bytes = this.pending.subarray(0, this.raw)
    this.pending = this.pending.subarray(this.raw)
    this.raw = 0
    this.sink.onBytes(bytes)
    return null
  }

  private takeLine(): string | null {
    const end = this.pending.indexOf(NEWLINE)
    if (end > MAX_LINE || (end < 0 && this.pending.length > MAX_LINE)) return `a line is longer than ${MAX_LINE} bytes`
    if (end < 0) return ''
    const message = parseObject(this.pending.toString('utf8', 0, end))
    this.pending = this.pending.subarray(end + 1)
    if (!message) return 'a line is not a JSON object'
    if (!('rawBytes' in message)) {
      this.sink.onMessage(message)
      return null
    }
    const { rawBytes } = message
    if (typeof rawBytes !== 'number' || !Number.isInteger(rawBytes) || rawBytes < 1 || rawBytes > MAX_BYTES) {
      return `rawBytes must be a number from 1 to ${MAX_BYTES}`
    }
    this.raw = rawBytes
    return null
  }
}

export function encodeMessage(message: object): string {
  return `${JSON.stringify(message)}\n`
}

/** The line that goes before raw bytes. */
export function encodeBytesHeader(length: number): string {
  return `{"rawBytes":${length}}\n`
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}

// Reads a pcapng file from memory, of either byte order, packet by packet. Owns the position and the interfaces of the
// section; allocates nothing for a packet but its record. Bounded by the bytes it was given; noise ends the reading with
// an error text, never with a throw. Knows the blocks that carry packets and skips the others.

import {
  BYTE_ORDER_MAGIC,
  DIRECTION_UNKNOWN,
  ENHANCED_PACKET,
  EPB_FLAGS,
  IF_NAME,
  IF_TSOFFSET,
  IF_TSRESOL,
  INTERFACE_DESCRIPTION,
  INTERFACE_STATISTICS,
  ISB_ENDTIME,
  ISB_IFRECV,
  ISB_OSDROP,
  ISB_STARTTIME,
  ISB_USRDELIV,
  OPTION_END,
  SECTION_HEADER,
  SIMPLE_PACKET,
} from './blocks.ts'

/** An interface of a capture. */
export interface CapturedInterface {
  name: string
  /** LINKTYPE_ of tcpdump.org: 1 is Ethernet. */
  linkType: number
  /** 0: no limit. */
  snapLength: number
  /** Units of a timestamp in a second. */
  unitsPerSecond: number
  /** Seconds to add to each timestamp. */
  offsetSeconds: number
}

export interface CapturedPacket {
  /** Microseconds since 1970, or 0 where the file tells no time. */
  time: number
  interface: CapturedInterface
  /** DIRECTION_INBOUND, DIRECTION_OUTBOUND or DIRECTION_UNKNOWN. */
  direction: number
  /** A view of the file's bytes. */
  bytes: Uint8Array
  /** Bytes of the packet before it was cut to the snap length. */
  originalLength: number
}

/** What the last statistics block said; absent fields were not told. */
export interface ReadStatistics {
  start?: number
  end?: number
  received?: number
  dropped?: number
  written?: number
}

const MAX_INTERFACES = 1024

export class PcapngReader {
  /** The interfaces of the section that is being read. */
  interfaces: CapturedInterface[] = []
  statistics: ReadStatistics | null = null
  /** Why the reading ended before the end of the file; null while all is well. */
  error: string | null = null
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0
  private little = true
  private inSection = false

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The next packet; null at the end of the file or at an error. */
  next(): CapturedPacket | null {
    while (this.error === null && this.at < this.bytes.length) {
      const packet = this.block()
      if (packet) return packet
    }
    return null
  }

  /** All packets that are left. */
  packets(): CapturedPacket[] {
    const out: CapturedPacket[] = []
    for (let packet = this.next(); packet; packet = this.next()) out.push(packet)
    return out
  }

  private block(): CapturedPacket | null {
    const start = this.at
    const left = this.bytes.length - start
    if (left < 12) return this.fail('the file ends within a block')
    if (this.view.getUint32(start, true) === SECTION_HEADER && !this.beginSection(start)) return null
    if (!this.inSection) return this.fail('not a pcapng file: it does not begin with a section header')
    const type = this.u32(start)
    const length = this.u32(start + 4)
    if (length < 12 || length % 4 !== 0) return this.fail(`a block of ${length} bytes`)
    if (length > left) return this.fail('the file ends within a block')
    if (this.u32(start + length - 4) !== length) return this.fail('the two lengths of a block differ')
    this.at = start + length
    const body = start + 8
    const end = start + length - 4
    if (type === INTERFACE_DESCRIPTION) return this.interfaceDescription(body, end)
    if (type === ENHANCED_PACKET) return this.enhancedPacket(body, end)
    if (type === SIMPLE_PACKET) return this.simplePacket(body, end)
    if (type === INTERFACE_STATISTICS) this.interfaceStatistics(body, end)
    return null
  }

  private beginSection(start: number): boolean {
    if (this.bytes.length - start < 28) {
      this.fail('the file ends within a section header')
      return false
    }
    const magic = this.view.getUint32(start + 8, true)
    this.little = magic === BYTE_ORDER_MAGIC
    if (!this.little && this.view.getUint32(start + 8) !== BYTE_ORDER_MAGIC) {
      this.fail('not a pcapng file: no byte-order magic')
      return false
    }
    if (this.u16(start + 12) !== 1) {
      this.fail(`pcapng version ${this.u16(start + 12)} is not known`)
      return false
    }
    this.inSection = true
    this.interfaces = []
    return true
  }

  private interfaceDescription(body: number, end: number): null {
    if (end - body < 8) return this.fail('an interface description is too short')
    if (this.interfaces.length === MAX_INTERFACES) return this.fail('too many interfaces')
    const description: CapturedInterface = {
      name: '',
      linkType: this.u16(body),
      snapLength: this.u32(body + 4),
      unitsPerSecond: 1_000_000,
      offsetSeconds: 0,
    }
    this.options(body + 8, end, (code, at, length) => {
      if (code === IF_NAME) description.name = new TextDecoder().decode(this.bytes.subarray(at, at + length))
      if (code === IF_TSRESOL && length >= 1) description.unitsPerSecond = resolution(this.bytes[at])
      if (code === IF_TSOFFSET && length >= 8) description.offsetSeconds = this.u64(at)
    })
    this.interfaces.push(description)
    return null
  }

  private enhancedPacket(body: number, end: number): CapturedPacket | null {
    if (end - body < 20) return this.fail('a packet block is too short')
    const on = this.interfaces[this.u32(body)]
    if (!on) return this.fail('a packet of an interface that was not described')
    const captured = this.u32(body + 12)
    if (captured > end - body - 20) return this.fail('a packet is longer than its block')
    let direction = DIRECTION_UNKNOWN
    this.options(body + 20 + ((captured + 3) & ~3), end, (code, at, length) => {
      if (code === EPB_FLAGS && length === 4) direction = this.u32(at) & 3
    })
    return {
      time: this.time(on, body + 4),
      interface: on,
      direction,
      bytes: this.bytes.subarray(body + 20, body + 20 + captured),
      originalLength: this.u32(body + 16),
    }
  }

  private simplePacket(body: number, end: number): CapturedPacket | null {
    const on = this.interfaces[0]
    if (!on) return this.fail('a packet of an interface that was not described')
    if (end - body < 4) return this.fail('a packet block is too short')
    const originalLength = this.u32(body)
    const limit = on.snapLength === 0 ? originalLength : Math.min(originalLength, on.snapLength)
    if (limit > end - body - 4) return this.fail('a packet is longer than its block')
    const bytes = this.bytes.subarray(body + 4, body + 4 + limit)
    return { time: 0, interface: on, direction: DIRECTION_UNKNOWN, bytes, originalLength }
  }

  private interfaceStatistics(body: number, end: number): void {
    const on = this.interfaces[end - body >= 12 ? this.u32(body) : -1]
    if (!on) return
    const statistics: ReadStatistics = {}
    this.options(body + 12, end, (code, at, length) => {
      if (length !== 8) return
      if (code === ISB_STARTTIME) statistics.start = this.time(on, at)
      if (code === ISB_ENDTIME) statistics.end = this.time(on, at)
      if (code === ISB_IFRECV) statistics.received = this.u64(at)
      if (code === ISB_OSDROP) statistics.dropped = this.u64(at)
      if (code === ISB_USRDELIV) statistics.written = this.u64(at)
    })
    this.statistics = statistics
  }

  /** Calls `each` with the place of every option's value; options that leave the block end the list. */
  private options(from: number, end: number, each: (code: number, at: number, length: number) => void): void {
    let at = from
    while (at + 4 <= end) {
      const code = this.u16(at)
      const length = this.u16(at + 2)
      if (code === OPTION_END || at + 4 + length > end) return
      each(code, at + 4, length)
      at += 4 + ((length + 3) & ~3)
    }
  }

  /** BigInt, since nanoseconds since 1970 do not fit 53 bits. */
  private time(on: CapturedInterface, at: number): number {
    const units = (BigInt(this.u32(at)) << 32n) | BigInt(this.u32(at + 4))
    const microseconds = (units * 1_000_000n) / BigInt(on.unitsPerSecond)
    return Number(microseconds) + on.offsetSeconds * 1_000_000
  }

  private u16(at: number): number {
    return this.view.getUint16(at, this.little)
  }

  private u32(at: number): number {
    return this.view.getUint32(at, this.little)
  }

  /** A 64-bit integer in the section's byte order; beyond 2^53 it loses its low bits. */
  private u64(at: number): number {
    return Number(this.view.getBigInt64(at, this.little))
  }

  private fail(reason: string): null {
    this.error = `${reason} (at byte ${this.at})`
    return null
  }
}

/** if_tsresol: a negative power of ten, or of two with the high bit. */
function resolution(byte: number): number {
  return byte & 0x80 ? 2 ** (byte & 0x7f) : 10 ** byte
}

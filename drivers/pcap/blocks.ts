// The blocks of a pcapng file (draft-ietf-opsawg-pcapng), written: section header, interface description, enhanced packet,
// interface statistics. Owns the layout only. Always little-endian and always the same bytes for the same input, so that a
// simulation's capture can be compared.
//
//    | type u32 | total length u32 | body ... padded to 4 | options ... | total length u32 |

export const SECTION_HEADER = 0x0a0d0d0a
export const INTERFACE_DESCRIPTION = 1
export const SIMPLE_PACKET = 3
export const INTERFACE_STATISTICS = 5
export const ENHANCED_PACKET = 6
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d
export const LINKTYPE_ETHERNET = 1

export const OPTION_END = 0
/** Section header: the program that wrote it. */
export const SHB_USERAPPL = 4
export const IF_NAME = 2
export const IF_TSRESOL = 9
export const IF_TSOFFSET = 14
export const EPB_FLAGS = 2
export const ISB_STARTTIME = 2
export const ISB_ENDTIME = 3
export const ISB_IFRECV = 4
export const ISB_OSDROP = 7
export const ISB_USRDELIV = 8

/** The two low bits of `epb_flags`. */
export const DIRECTION_UNKNOWN = 0
export const DIRECTION_INBOUND = 1
export const DIRECTION_OUTBOUND = 2

/** if_tsresol for microseconds: 10^-6. */
const MICROSECONDS = 6
const WORD = 2 ** 32

const pad = (length: number): number => (length + 3) & ~3

/** One block under construction. */
class BlockWriter {
  readonly bytes: Uint8Array
  readonly view: DataView
  at = 8

  constructor(type: number, length: number) {
    this.bytes = new Uint8Array(length)
    this.view = new DataView(this.bytes.buffer)
    this.view.setUint32(0, type, true)
    this.view.setUint32(4, length, true)
    this.view.setUint32(length - 4, length, true)
  }

  u16(value: number): void {
    this.view.setUint16(this.at, value, true)
    this.at += 2
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value, true)
    this.at += 4
  }

  /** High word first, as pcapng writes timestamps. `value` is a non-negative integer below 2^53. */
  time(value: number): void {
    this.u32(Math.floor(value / WORD))
    this.u32(value % WORD)
  }

  /** A 64-bit integer in the section's byte order. */
  u64(value: number): void {
    this.u32(value % WORD)
    this.u32(Math.floor(value / WORD))
  }

  option(code: number, length: number): void {
    this.u16(code)
    this.u16(length)
  }

  text(code: number, bytes: Uint8Array): void {
    this.option(code, bytes.length)
    this.bytes.set(bytes, this.at)
    this.at += pad(bytes.length)
  }
}

/** The block that begins a section. */
export function sectionHeader(application: string): Uint8Array {
  const name = new TextEncoder().encode(application)
  const block = new BlockWriter(SECTION_HEADER, 12 + 16 + 4 + pad(name.length) + 4)
  block.u32(BYTE_ORDER_MAGIC)
  block.u16(1)
  block.u16(0)
  block.u32(0xffffffff) // section length: not told
  block.u32(0xffffffff)
  block.text(SHB_USERAPPL, name)
  return block.bytes
}

/** The description of an Ethernet interface with timestamps in microseconds. `snapLength` 0: no limit. */
export function interfaceDescription(name: string, snapLength: number): Uint8Array {
  const text = new TextEncoder().encode(name)
  const block = new BlockWriter(INTERFACE_DESCRIPTION, 12 + 8 + 4 + pad(text.length) + 8 + 4)
  block.u16(LINKTYPE_ETHERNET)
  block.u16(0)
  block.u32(snapLength)
  block.text(IF_NAME, text)
  block.option(IF_TSRESOL, 1)
  block.bytes[block.at] = MICROSECONDS
  return block.bytes
}

/** Where the packet's bytes begin in the block that `enhancedPacket` makes. */
export const PACKET_OFFSET = 28

/**
 * A packet's block, of interface 0, with room for `captured` bytes at PACKET_OFFSET that the caller fills. `time` is in
 * microseconds since 1970.
 */
export function enhancedPacket(time: number, captured: number, original: number, direction: number): Uint8Array {
  const block = new BlockWriter(ENHANCED_PACKET, PACKET_OFFSET + pad(captured) + 12 + 4)
  block.u32(0)
  block.time(time)
  block.u32(captured)
  block.u32(original)
  block.at += pad(captured)
  block.option(EPB_FLAGS, 4)
  block.u32(direction)
  return block.bytes
}

export interface CaptureStatistics {
  /** Microseconds since 1970. */
  start: number
  end: number
  /** Packets that passed while the capture ran, those of them that it had to leave out, and those that it wrote. */
  received: number
  dropped: number
  written: number
}

/** The block that ends a capture. */
export function interfaceStatistics(statistics: CaptureStatistics): Uint8Array {
  const block = new BlockWriter(INTERFACE_STATISTICS, 12 + 12 + 5 * 12 + 4)
  block.u32(0)
  block.time(statistics.end)
  block.option(ISB_STARTTIME, 8)
  block.time(statistics.start)
  block.option(ISB_ENDTIME, 8)
  block.time(statistics.end)
  block.option(ISB_IFRECV, 8)
  block.u64(statistics.received)
  block.option(ISB_OSDROP, 8)
  block.u64(statistics.dropped)
  block.option(ISB_USRDELIV, 8)
  block.u64(statistics.written)
  return block.bytes
}

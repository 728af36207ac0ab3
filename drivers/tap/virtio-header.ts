// The virtio-net header that stands in front of each frame on a TAP with IFF_VNET_HDR (virtio 1.2, 5.1.6; Linux
// virtio_net.h), 10 bytes, in the machine's byte order. Owns the fields; what a frame asks for is nic/'s.
//
//   0        1          2          4          6            8
//   | flags  | gso_type | hdr_len  | gso_size | csum_start | csum_offset |

import { endianness } from 'node:os'
import { u8, u16 } from 'buffer-layout'
import {
  CHECKSUM_NONE,
  CHECKSUM_UNNECESSARY,
  type Frame,
  GSO_ECN,
  GSO_NONE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
} from '../../stack/buffer/frame.ts'
import { header } from '../../stack/wire/layout.ts'

export const virtioHeader = header('virtio', [
  u8('flags'),
  u8('gsoType'),
  u16('headerLength'),
  u16('gsoSize'),
  u16('csumStart'),
  u16('csumOffset'),
])

export const VIRTIO_HEADER = virtioHeader.span
const FLAGS = virtioHeader.offset('flags')
const GSO_TYPE = virtioHeader.offset('gsoType')
const HEADER_LENGTH = virtioHeader.offset('headerLength')
const GSO_SIZE = virtioHeader.offset('gsoSize')
const CSUM_START = virtioHeader.offset('csumStart')
const CSUM_OFFSET = virtioHeader.offset('csumOffset')

export const NEEDS_CSUM = 1
export const DATA_VALID = 2

const LITTLE = endianness() === 'LE'
/** Offset of the checksum field in a UDP header, and the header's length. */
const UDP_CHECKSUM = 6
const UDP_HEADER = 8
const TCP_DATA_OFFSET = 12

/** Writes the header of a frame that is sent. */
export function emitVirtioHeader(frame: Frame, view: DataView, at: number): void {
  const partial = frame.csumStart >= 0
  view.setUint8(at + FLAGS, partial ? NEEDS_CSUM : 0)
  view.setUint8(at + GSO_TYPE, frame.gsoSize > 0 ? frame.gsoType : GSO_NONE)
  view.setUint16(at + HEADER_LENGTH, frame.gsoSize > 0 ? headerLength(frame) : 0, LITTLE)
  view.setUint16(at + GSO_SIZE, frame.gsoSize, LITTLE)
  view.setUint16(at + CSUM_START, partial ? frame.csumStart : 0, LITTLE)
  view.setUint16(at + CSUM_OFFSET, partial ? frame.csumOffset : 0, LITTLE)
}

/**
 * Reads the header at `at` into the frame, whose bytes are in its head. False when the two contradict each other: such a
 * frame is dropped. `hdr_len` is not believed, it is computed from the headers.
 */
export function parseVirtioHeader(view: DataView, at: number, frame: Frame): boolean {
  const flags = view.getUint8(at + FLAGS)
  const type = view.getUint8(at + GSO_TYPE)
  const length = frame.headLength
  frame.checksum = (flags & (NEEDS_CSUM | DATA_VALID)) !== 0 ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE
  if ((flags & NEEDS_CSUM) !== 0) {
    frame.csumStart = view.getUint16(at + CSUM_START, LITTLE)
    frame.csumOffset = view.getUint16(at + CSUM_OFFSET, LITTLE)
    if (frame.csumStart + frame.csumOffset + 2 > length) return false
  }
  if (type === GSO_NONE) return true
  const size = view.getUint16(at + GSO_SIZE, LITTLE)
  const kind = type & ~GSO_ECN
  if (size === 0 || frame.csumStart < 0 || (kind !== GSO_TCPV4 && kind !== GSO_TCPV6 && kind !== GSO_UDP_L4))
    return false
  const payload = length - headerLength(frame)
  if (payload < 0) return false
  frame.gsoType = type
  frame.gsoSize = size
  frame.segments = payload > size ? Math.ceil(payload / size) : 1
  return true
}

/** Bytes of all headers of a frame with `csumStart`: up to the transport's payload, never more than the frame has. */
function headerLength(frame: Frame): number {
  const head = frame.headLength
  const transport = frame.csumStart
  if (transport < 0) return head
  if (frame.csumOffset === UDP_CHECKSUM) return Math.min(transport + UDP_HEADER, frame.length)
  if (transport + TCP_DATA_OFFSET >= head) return head
  const words = frame.head.view.getUint8(frame.start + transport + TCP_DATA_OFFSET) >>> 4
  return Math.min(transport + words * 4, frame.length)
}

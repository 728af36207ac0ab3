// A frame on the wire: its bytes in one receive page of the port it goes to, and what was left undone (checksum,
// segmentation) when both ends offload. Owns the copy that stands for the DMA, and finishes what the receiving port
// did not offer to take: the checksum (RFC 1071) and the cutting of TCP super-frames, over linear bytes.

import type { Frame } from '../../stack/buffer/frame.ts'
import { GSO_NONE, GSO_TCPV4, GSO_TCPV6 } from '../../stack/buffer/frame.ts'
import type { Page } from '../../stack/buffer/page.ts'

/** Free bytes in front of the frame, so that the IP header is aligned to 4. */
export const RECEIVE_HEADROOM = 18

export interface FrameImage {
  page: Page
  length: number
  csumStart: number
  csumOffset: number
  gsoSize: number
  gsoType: number
}

/** The bytes of the image. */
export function imageBytes(image: FrameImage): Uint8Array {
  return image.page.bytes.subarray(RECEIVE_HEADROOM, RECEIVE_HEADROOM + image.length)
}

/** Copies the frame into `page`, which has room for it. */
export function imageOf(frame: Frame, page: Page): FrameImage {
  const { bytes } = page
  bytes.set(frame.head.bytes.subarray(frame.start, frame.end), RECEIVE_HEADROOM)
  let at = RECEIVE_HEADROOM + frame.headLength
  for (let i = 0; i < frame.refs; i++) {
    const from = frame.offsets[i]
    bytes.set(frame.pages[i].bytes.subarray(from, from + frame.lengths[i]), at)
    at += frame.lengths[i]
  }
  const { length, csumStart, csumOffset, gsoSize, gsoType } = frame
  return { page, length, csumStart, csumOffset, gsoSize, gsoType }
}

/** Writes the checksum that was left to the hardware: the field holds the sum of the pseudo-header. */
export function finishChecksum(image: FrameImage): void {
  if (image.csumStart < 0) return
  const bytes = imageBytes(image)
  writeChecksum(bytes, image.csumStart, image.csumStart + image.csumOffset, 0)
  image.csumStart = -1
}

/** Whether a TCP super-frame can be cut: its headers are where they say. */
export function isSegmentable(image: FrameImage): boolean {
  const type = image.gsoType & 0x7f
  return (type === GSO_TCPV4 || type === GSO_TCPV6) && image.gsoSize > 0 && payloadStart(image) <= image.length
}

/** How many segments on a wire the image stands for. */
export function segmentsIn(image: FrameImage): number {
  return isSegmentable(image) ? Math.max(1, Math.ceil((image.length - payloadStart(image)) / image.gsoSize)) : 1
}

/**
 * Cuts a TCP super-frame into finished segments in pages of `allocate`, as RFC 9293 and the IPv4 identification want
 * them, and gives the page of the super-frame back. Null from `allocate` ends it early: the rest is lost.
 */
export function segmentImage(image: FrameImage, allocate: (length: number) => Page | null): FrameImage[] {
  const out: FrameImage[] = []
  const headers = payloadStart(image)
  for (let offset = 0; headers + offset < image.length; offset += image.gsoSize) {
    const payload = Math.min(image.gsoSize, image.length - headers - offset)
    const page = allocate(headers + payload)
    if (!page) break
    out.push(cut(image, page, headers, offset, payload))
  }
  image.page.release()
  return out
}

function cut(image: FrameImage, page: Page, headers: number, offset: number, payload: number): FrameImage {
  const from = imageBytes(image)
  const length = headers + payload
  const bytes = page.bytes.subarray(RECEIVE_HEADROOM, RECEIVE_HEADROOM + length)
  bytes.set(from.subarray(0, headers))
  bytes.set(from.subarray(headers + offset, headers + offset + payload), headers)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const tcp = image.csumStart
  const ip = networkStart(bytes)
  const isV4 = (image.gsoType & 0x7f) === GSO_TCPV4
  if (isV4) {
    view.setUint16(ip + 2, length - ip)
    view.setUint16(ip + 4, view.getUint16(ip + 4) + Math.floor(offset / image.gsoSize))
    view.setUint16(ip + 10, 0)
    writeChecksum(bytes.subarray(0, tcp), ip, ip + 10, 0)
  } else {
    view.setUint16(ip + 4, length - tcp)
  }
  view.setInt32(tcp + 4, view.getInt32(tcp + 4) + offset)
  const isLast = headers + offset + payload === image.length
  if (!isLast) bytes[tcp + 13] &= ~0x09 // FIN and PSH belong to the last segment
  if (offset > 0) bytes[tcp + 13] &= ~0x80 // CWR to the first
  view.setUint16(tcp + 16, 0)
  writeChecksum(bytes, tcp, tcp + 16, pseudoHeaderSum(view, ip, isV4, length - tcp))
  return { page, length, csumStart: -1, csumOffset: 0, gsoSize: 0, gsoType: GSO_NONE }
}

/** Behind the Ethernet header and its tags. */
function networkStart(bytes: Uint8Array): number {
  let at = 12
  while ((bytes[at] === 0x81 && bytes[at + 1] === 0x00) || (bytes[at] === 0x88 && bytes[at + 1] === 0xa8)) at += 4
  return at + 2
}

function payloadStart(image: FrameImage): number {
  return image.csumStart + (imageBytes(image)[image.csumStart + 12] >>> 4) * 4
}

function pseudoHeaderSum(view: DataView, ip: number, isV4: boolean, length: number): number {
  let sum = 6 + length
  const end = isV4 ? ip + 20 : ip + 40
  for (let at = isV4 ? ip + 12 : ip + 8; at < end; at += 2) sum += view.getUint16(at)
  return sum
}

/** Sums bytes from `from` to the end, on top of `sum`, and writes the complement at `field`. */
function writeChecksum(bytes: Uint8Array, from: number, field: number, initial: number): void {
  let sum = initial
  for (let at = from; at < bytes.length; at += 2) sum += (bytes[at] << 8) | (at + 1 < bytes.length ? bytes[at + 1] : 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  bytes[field] = ~sum >>> 8
  bytes[field + 1] = ~sum
}

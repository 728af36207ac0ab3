// A capture file as the frames of a replay: read whole, brought into the order of time, every frame as Ethernet (RAW and
// Linux's "cooked" captures, as of `tcpdump -i any`, get a header), and what cannot be replayed counted by reason. Knows no
// host. What is wrong with a file is a CommandError.

import { readFileSync } from 'node:fs'
import { type CapturedPacket, captureReader, LINKTYPE_ETHERNET } from '../../drivers/pcap/index.ts'
import { IpAddress } from '../../stack/base/ip-address.ts'
import { CommandError, codeOf, messageOf } from '../cli/errors.ts'
import { dissect, isCut, isFragment, type Packet } from './packet.ts'

export interface CapturedFrame {
  /** Microseconds since the first frame. */
  time: number
  packet: Packet
}

export interface CaptureFile {
  frames: CapturedFrame[]
  /** Frames in the file. */
  total: number
  /** Frames that were cut to the snap length, though they can be replayed. */
  cut: number
  fragments: number
  /** Of another protocol (IPv6, VLAN, ...), malformed, or cut within the headers. */
  unreadable: number
  /** The file ends in the middle: what was read before is there. */
  trouble: string | null
  /** Microseconds since 1970. */
  start: number
}

const LINKTYPE_RAW = 101
const LINKTYPE_LINUX_SLL = 113
const LINKTYPE_IPV4 = 228
const LINKTYPE_LINUX_SLL2 = 276
const ETHERNET = 14

/** Throws CommandError when there is no such file, it is no capture, or its link type is not known. */
export function readCapture(path: string): CaptureFile {
  let bytes: Uint8Array
  try {
    const { buffer, byteOffset, byteLength } = readFileSync(path)
    bytes = new Uint8Array(buffer, byteOffset, byteLength)
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${reasonOf(error)}`)
  }
  return parseCapture(bytes, path)
}

function reasonOf(error: unknown): string {
  const known: Record<string, string> = {
    ENOENT: 'no such file',
    EISDIR: 'it is a directory',
    EACCES: 'permission denied',
    ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GiB; cut it with editcap -c',
  }
  return known[codeOf(error)] ?? messageOf(error)
}

export function parseCapture(bytes: Uint8Array, path: string): CaptureFile {
  const reader = captureReader(bytes, (why) => {
    throw new CommandError(`${path}: ${why}`)
  })
  const file: CaptureFile = { frames: [], total: 0, cut: 0, fragments: 0, unreadable: 0, trouble: null, start: 0 }
  if (!reader) return file
  for (let captured = reader.next(); captured; captured = reader.next()) take(file, captured, path)
  file.trouble = reader.error
  if (file.total === 0) throw new CommandError(`${path}: ${reader.error ?? 'there is no frame in it'}`)
  // Several interfaces, or several processors, may have recorded out of order.
  file.frames.sort((a, b) => a.time - b.time)
  file.start = file.frames.length > 0 ? file.frames[0].time : 0
  for (const frame of file.frames) frame.time -= file.start
  return file
}

function take(file: CaptureFile, captured: CapturedPacket, path: string): void {
  file.total++
  const header = headerLength(captured.interface.linkType)
  if (header < 0) throw new CommandError(`${path}: ${linkTrouble(captured.interface.linkType)}`)
  const bytes = asEthernet(captured, header)
  const packet = bytes ? dissect(bytes, captured.originalLength - header + ETHERNET) : null
  if (bytes && packet) {
    if (isCut(packet)) file.cut++
    file.frames.push({ time: captured.time, packet })
  } else if (bytes && isFragment(bytes)) file.fragments++
  else file.unreadable++
}

function linkTrouble(type: number): string {
  return `link type ${type} is not known; record Ethernet, as tcpdump -i eth0 does`
}

/** Bytes in front of the IP packet; -1: not known. */
function headerLength(linkType: number): number {
  if (linkType === LINKTYPE_ETHERNET) return ETHERNET
  if (linkType === LINKTYPE_LINUX_SLL) return 16
  if (linkType === LINKTYPE_LINUX_SLL2) return 20
  return linkType === LINKTYPE_RAW || linkType === LINKTYPE_IPV4 ? 0 : -1
}

function asEthernet({ interface: on, bytes }: CapturedPacket, header: number): Uint8Array | null {
  const { linkType } = on
  if (linkType === LINKTYPE_ETHERNET) return bytes
  if (bytes.length < header) return null
  const frame = new Uint8Array(ETHERNET + bytes.length - header)
  frame.set(bytes.subarray(header), ETHERNET)
  const isRaw = header === 0
  // The protocol stands at the end of the older cooked header and at the beginning of the newer one.
  const protocol = linkType === LINKTYPE_LINUX_SLL ? 14 : 0
  const isV4 = isRaw && frame[ETHERNET] >>> 4 === 4
  frame[12] = isRaw ? (isV4 ? 0x08 : 0x86) : bytes[protocol]
  frame[13] = isRaw ? (isV4 ? 0x00 : 0xdd) : bytes[protocol + 1]
  if (!isRaw) frame.set(bytes.subarray(header === 16 ? 6 : 12, header === 16 ? 12 : 18), 6)
  return frame
}

/** The addresses in the file, those with the most frames first. */
export function addressesIn(frames: readonly CapturedFrame[]): string[] {
  const counts = new Map<number, number>()
  for (const { packet } of frames) {
    for (const address of [packet.source, packet.destination]) counts.set(address, (counts.get(address) ?? 0) + 1)
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([address]) => IpAddress.v4(address))
    .filter((address) => isHost(address))
    .map(String)
}

export function isHost(address: IpAddress): boolean {
  return !(
    address.isUnspecified ||
    address.isLoopback ||
    address.isMulticast ||
    address.isReserved ||
    address.isLimitedBroadcast
  )
}

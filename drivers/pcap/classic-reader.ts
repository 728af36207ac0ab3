// Reads a pcap file from memory, the older form that `tcpdump -w` writes (draft-ietf-opsawg-pcap): one header, one interface,
// packets one after the other, of either byte order, in microseconds or nanoseconds. Bounded by the bytes it was given;
// noise ends the reading with an error text, never with a throw.
//
//    | magic | major, minor | zone | accuracy | snap length | link type |  then  | seconds | fraction | captured | original |

import { DIRECTION_UNKNOWN } from './blocks.ts'
import type { CapturedInterface, CapturedPacket } from './reader.ts'

export const MAGIC_MICROSECONDS = 0xa1b2c3d4
export const MAGIC_NANOSECONDS = 0xa1b23c4d
const FILE_HEADER = 24
const PACKET_HEADER = 16
/** As libpcap: a longer packet is no packet but noise. */
const LONGEST = 262_144

export class PcapReader {
  readonly interfaces: CapturedInterface[] = []
  /** Why the reading ended before the end of the file; null while all is well. */
  error: string | null = null
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly little: boolean
  private at = FILE_HEADER

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.little = isMagic(this.view, true)
    this.begin()
  }

  /** Whether the bytes begin as such a file does. */
  static recognizes(bytes: Uint8Array): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return isMagic(view, true) || isMagic(view, false)
  }

  /** The next packet; null at the end of the file or at an error. */
  next(): CapturedPacket | null {
    const { at, view, little } = this
    const left = this.bytes.length - at
    if (this.error !== null || left === 0) return null
    if (left < PACKET_HEADER) return this.fail('the file ends within the header of a packet')
    const captured = view.getUint32(at + 8, little)
    if (captured > LONGEST) return this.fail(`a packet of ${captured} bytes`)
    if (captured > left - PACKET_HEADER) return this.fail('the file ends within a packet')
    const [on] = this.interfaces
    const fraction = Math.floor((view.getUint32(at + 4, little) * 1_000_000) / on.unitsPerSecond)
    const from = at + PACKET_HEADER
    this.at = from + captured
    return {
      time: view.getUint32(at, little) * 1_000_000 + fraction,
      interface: on,
      direction: DIRECTION_UNKNOWN,
      bytes: this.bytes.subarray(from, from + captured),
      originalLength: view.getUint32(at + 12, little),
    }
  }

  /** All packets that are left. */
  packets(): CapturedPacket[] {
    const out: CapturedPacket[] = []
    for (let packet = this.next(); packet; packet = this.next()) out.push(packet)
    return out
  }

  private begin(): void {
    const { view, little } = this
    if (!PcapReader.recognizes(this.bytes)) this.fail('not a pcap file: no magic number')
    else if (this.bytes.length < FILE_HEADER) this.fail('the file ends within its header')
    else if (view.getUint16(4, little) !== 2) this.fail(`pcap version ${view.getUint16(4, little)} is not known`)
    if (this.error !== null) return
    this.interfaces.push({
      name: '',
      linkType: view.getUint16(little ? 20 : 22, little),
      snapLength: view.getUint32(16, little),
      unitsPerSecond: view.getUint32(0, little) === MAGIC_NANOSECONDS ? 1_000_000_000 : 1_000_000,
      offsetSeconds: 0,
    })
  }

  private fail(reason: string): null {
    this.error = `${reason} (at byte ${this.at})`
    return null
  }
}

function isMagic(view: DataView, little: boolean): boolean {
  if (view.byteLength < 4) return false
  const magic = view.getUint32(0, little)
  return magic === MAGIC_MICROSECONDS || magic === MAGIC_NANOSECONDS
}

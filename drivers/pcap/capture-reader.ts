// A reader for either form of capture file, chosen by how the bytes begin: pcapng (Wireshark, dumpcap, pagewire) or pcap
// (tcpdump).

import { SECTION_HEADER } from './blocks.ts'
import { PcapReader } from './classic-reader.ts'
import { type CapturedPacket, PcapngReader } from './reader.ts'

export interface CaptureReader {
  /** Why the reading ended before the end of the file; null while all is well. */
  readonly error: string | null
  next(): CapturedPacket | null
}

const GZIP = 0x1f8b

/** Null, with the reason in `onTrouble`, for what is no capture at all. */
export function captureReader(bytes: Uint8Array, onTrouble: (why: string) => void): CaptureReader | null {
  if (PcapReader.recognizes(bytes)) return new PcapReader(bytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // The same from both ends: no byte order is needed.
  if (bytes.length >= 4 && view.getUint32(0) === SECTION_HEADER) return new PcapngReader(bytes)
  if (bytes.length === 0) onTrouble('the file is empty')
  else if (bytes.length >= 2 && view.getUint16(0) === GZIP) onTrouble('it is compressed; gunzip it first')
  else onTrouble('not a capture: neither pcapng nor pcap')
  return null
}

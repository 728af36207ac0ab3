// Captures: writing them from a port, reading them from a file.

export {
  type CaptureStatistics,
  DIRECTION_INBOUND,
  DIRECTION_OUTBOUND,
  DIRECTION_UNKNOWN,
  LINKTYPE_ETHERNET,
} from './blocks.ts'
export { type CaptureOptions, CapturePort, type CaptureSink, capturePort, pcapngWriter } from './capture-port.ts'
export { type CaptureReader, captureReader } from './capture-reader.ts'
export { PcapReader } from './classic-reader.ts'
export { type CapturedInterface, type CapturedPacket, PcapngReader, type ReadStatistics } from './reader.ts'

// What the stack shows of itself: the shape of /.pagewire/status.json, which the page and the control socket also show.
// A plain value made of plain values; whoever serves it makes it.

export interface Status {
  /** Name of the card, as `pw0`. */
  name: string
  version: string
  pid: number
  /** How frames leave the process: `tap`, `tap without vnet header`, `simulated wire`. */
  driver: string
  /** Which checksum engine the card uses: `native` or `typescript`. */
  checksumEngine: string
  /** ISO date of the start, and seconds since. */
  started: string
  uptime: number
  interfaces: InterfaceStatus[]
  /** The totals that the live line shows. */
  figures: Figures
  /** As nstat names them, those that are not zero. */
  counters: Record<string, number>
  /** As `ethtool -S` shows them. */
  nic: Record<string, number>
  connections: ConnectionStatus[]
  /** Connections in TIME-WAIT, which are not listed. */
  timeWaits: number
  /** Commands to try, as they were printed at the start. */
  commands: string[]
  /** Whether files are served, and uploads taken. */
  files: boolean
  uploads: boolean
}

export interface InterfaceStatus {
  name: string
  mac: string
  mtu: number
  up: boolean
  addresses: string[]
  /** In the order of `ethtool -k`; state is `on`, `off`, with `[fixed]` or `[requested on]` after it. */
  features: { name: string; state: string }[]
}

/** Totals since the start. Packets are frames as the port saw them, a super-frame counting as its segments. */
export interface Figures {
  rxPackets: number
  rxBytes: number
  txPackets: number
  txBytes: number
  connections: number
  /** Payload bytes that the processor copied (between application and stack, and on the card's ladder), and bytes that it summed. */
  copiedBytes: number
  summedBytes: number
  retransmissions: number
}

export interface ConnectionStatus {
  state: string
  local: string
  remote: string
  receiveQueue: number
  sendQueue: number
  bytesReceived: number
  bytesAcknowledged: number
  /** Microseconds. */
  rtt: number
  /** Segments. */
  congestionWindow: number
  retransmitted: number
}

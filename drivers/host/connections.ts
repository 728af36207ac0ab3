// What `ss` lists, as rows: listeners, connections and UDP sockets of one stack. Owns the shape only.

import type { Stack } from '../../stack/stack.ts'
import type { TcpInfo, TcpState } from '../../stack/tcp/contract.ts'

export interface ConnectionEnd {
  /** `*` for any. */
  address: string
  port: number
}

export interface ConnectionRow {
  protocol: 'tcp' | 'udp'
  state: TcpState | 'UNCONN'
  /** Recv-Q: bytes that were not taken yet; of a listener: connections that wait to be accepted. */
  receiveQueue: number
  /**
   * Send-Q: bytes that were not acknowledged yet; of a listener: its backlog; of UDP: 0, since
   * datagrams go to the card at once.
   */
  sendQueue: number
  local: ConnectionEnd
  /** Null when there is none. */
  remote: ConnectionEnd | null
  /** As `ss -i`; null for listeners and UDP. */
  info: TcpInfo | null
}

/** Listeners first, then connections, then UDP. TIME-WAIT is counted only (`stack.tcp.timeWaits`). */
export function connectionRows({ tcp, udp }: Pick<Stack, 'tcp' | 'udp'>): ConnectionRow[] {
  const rows: ConnectionRow[] = []
  for (const listener of tcp.listeners()) {
    rows.push({
      protocol: 'tcp',
      state: 'LISTEN',
      receiveQueue: listener.acceptQueue,
      sendQueue: listener.backlog,
      local: end(listener.localAddress, listener.localPort),
      remote: null,
      info: null,
    })
  }
  for (const endpoint of tcp.endpoints()) {
    const info = endpoint.info()
    rows.push({
      protocol: 'tcp',
      state: info.state,
      receiveQueue: info.receiveQueue,
      sendQueue: info.sendQueue,
      local: end(endpoint.localAddress, endpoint.localPort),
      remote: end(endpoint.remoteAddress, endpoint.remotePort),
      info,
    })
  }
  for (const endpoint of udp.endpoints()) {
    rows.push({
      protocol: 'udp',
      state: endpoint.remoteAddress ? 'ESTABLISHED' : 'UNCONN',
      receiveQueue: endpoint.receiveQueued,
      sendQueue: 0,
      local: end(endpoint.localAddress, endpoint.localPort),
      remote: endpoint.remoteAddress ? end(endpoint.remoteAddress, endpoint.remotePort) : null,
      info: null,
    })
  }
  return rows
}

function end(address: { toString(): string } | null, port: number): ConnectionEnd {
  return { address: address?.toString() ?? '*', port }
}

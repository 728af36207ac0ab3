// The state of a host as plain values: for the page, the live line and the control socket.

import type { ConnectionRow, Host } from '../../drivers/index.ts'
import type { FeatureState } from '../../nic/features.ts'
import { snapshot } from '../../stack/counters.ts'
import { VERSION } from '../cli/version.ts'
import type { ConnectionStatus, Figures, InterfaceStatus, Status } from '../serve/status.ts'

/** What the host itself does not know. */
export interface StatusFacts {
  driver: string
  checksumEngine: string
  addresses: string[]
  /** Milliseconds since 1970. */
  started: number
  commands: string[]
  files: boolean
  uploads: boolean
}

export function statusOf(host: Host, facts: StatusFacts): Status {
  const { started } = facts
  const nic = host.nic.statistics()
  const connections = host.connections().flatMap((row) => (isConnection(row) ? [connectionStatus(row)] : []))
  return {
    name: host.nic.name,
    version: VERSION,
    pid: process.pid,
    driver: facts.driver,
    checksumEngine: facts.checksumEngine,
    started: new Date(started).toISOString(),
    uptime: (Date.now() - started) / 1000,
    interfaces: host.nics.map((one) => interfaceStatus(one, facts.addresses)),
    figures: figuresOf(host),
    counters: snapshot(host.stack.counters),
    nic: Object.fromEntries(Object.entries(nic).filter(([, value]) => value !== 0)),
    connections,
    timeWaits: host.stack.tcp.timeWaits,
    commands: facts.commands,
    files: facts.files,
    uploads: facts.uploads,
  }
}

/** Cheap enough for every second: no connection is asked. */
export function figuresOf(host: Host): Figures {
  const figures = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0, copiedBytes: 0, summedBytes: 0 }
  for (const { counters } of host.nics) {
    figures.rxPackets += counters.rx_segments
    figures.rxBytes += counters.rx_bytes
    figures.txPackets += counters.tx_segments
    figures.txBytes += counters.tx_bytes
    figures.copiedBytes += counters.tx_copied_bytes
    figures.summedBytes += counters.tx_summed_bytes + counters.rx_summed_bytes
  }
  const { TcpPagewireCopiedOut, TcpPagewireCopiedIn, TcpRetransSegs } = host.stack.counters
  figures.copiedBytes += TcpPagewireCopiedOut + TcpPagewireCopiedIn
  let connections = 0
  for (const _ of host.stack.tcp.endpoints()) connections++
  return { ...figures, connections, retransmissions: TcpRetransSegs }
}

/** `on`, `off`, with `[fixed]` or `[requested on]` as `ethtool -k` has them. */
export function featureText({ on, fixed, wanted }: FeatureState): string {
  if (fixed) return `${on ? 'on' : 'off'} [fixed]`
  return on || !wanted ? (on ? 'on' : 'off') : 'off [requested on]'
}

function interfaceStatus(nic: Host['nic'], addresses: string[]): InterfaceStatus {
  const { name, address, mtu, up, features } = nic
  return {
    name,
    mac: address.toString(),
    mtu,
    up,
    addresses,
    features: features.list().map((feature) => ({ name: feature.name, state: featureText(feature) })),
  }
}

function isConnection(row: ConnectionRow): boolean {
  return row.protocol === 'tcp' && row.info !== null
}

function connectionStatus({ state, local, remote, receiveQueue, sendQueue, info }: ConnectionRow): ConnectionStatus {
  return {
    state,
    local: `${local.address}:${local.port}`,
    remote: remote ? `${remote.address}:${remote.port}` : '*',
    receiveQueue,
    sendQueue,
    bytesReceived: info?.bytesReceived ?? 0,
    bytesAcknowledged: info?.bytesAcked ?? 0,
    rtt: info?.rtt ?? 0,
    congestionWindow: info?.cwnd ?? 0,
    retransmitted: info?.totalRetrans ?? 0,
  }
}

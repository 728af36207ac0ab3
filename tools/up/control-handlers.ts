// What a running stack answers over its control socket.

import type { ConnectionRow, Host } from '../../drivers/index.ts'
import type { TcpInfo } from '../../stack/tcp/contract.ts'
import type { CaptureEnd, Identity, NstatRequest, Requests, SocketLine } from '../control/messages.ts'
import type { Channel, Handlers } from '../control/server.ts'
import type { Status } from '../serve/status.ts'
import { answerEthtool } from './ethtool-answer.ts'
import { answerLink } from './link-answer.ts'
import { runPing } from './ping-run.ts'

export interface ControlFacts {
  host: Host
  identity: Identity
  status: () => Status
  /** As in OpenStack. */
  epochOffset: number | undefined
}

export function createHandlers({ host, identity, status, epochOffset }: ControlFacts): Handlers {
  const history = new NstatHistory()
  const ownAddress = identity.addresses[0]?.split('/')[0] ?? ''
  return {
    hello: () => identity,
    status: () => status(),
    nstat: (request) => history.answer(host.counters, request),
    ss: ({ all }) => host.connections().flatMap((row) => socketLine(row, all)),
    ping: (request, channel) => runPing(host, request, (event) => channel.send(event), channel.signal, ownAddress),
    ethtool: (request) => answerEthtool(host.nic, identity.driver, request),
    link: (request) => answerLink(host.nic, request),
    capture: (request, channel) => capture(host, request, channel, epochOffset),
  }
}

/** What nstat keeps in its history file: the counters as they were at the last call. */
export class NstatHistory {
  private last: Record<string, number> = {}

  answer(counters: Record<string, number>, request: NstatRequest): Record<string, number> {
    const out: Record<string, number> = {}
    for (const [name, value] of Object.entries(counters)) {
      const shown = request.absolute ? value : value - (this.last[name] ?? 0)
      if (shown !== 0 || request.zeros) out[name] = shown
    }
    if (!request.noUpdate) this.last = { ...counters }
    return out
  }
}

function capture(
  host: Host,
  { snaplen, count }: Requests['capture'],
  channel: Channel,
  epochOffset: number | undefined,
): Promise<CaptureEnd> {
  return new Promise((resolve) => {
    let left = count === 0 ? Number.POSITIVE_INFINITY : count
    const sink = {
      write: (bytes: Uint8Array) => channel.sendBytes(bytes),
      get writableLength() {
        return channel.waiting
      },
    }
    const finish = () => {
      host.off('close', finish)
      const { written, dropped } = stop()
      resolve({ captured: written, dropped })
    }
    channel.send({ capture: 'started' })
    const stop = host.capture(sink, {
      snapLength: snaplen,
      filter: () => {
        if (left === 0) return false
        // The frame that is being looked at is still recorded: the end comes behind it.
        if (--left === 0) setImmediate(finish)
        return true
      },
      ...(epochOffset === undefined ? {} : { epochOffset }),
    })
    host.once('close', finish)
    channel.signal.addEventListener('abort', finish, { once: true })
    if (channel.signal.aborted) finish()
  })
}

/** States as ss(8) spells them. */
const STATES: Record<string, string> = {
  ESTABLISHED: 'ESTAB',
  'SYN-RECEIVED': 'SYN-RECV',
  CLOSED: 'UNCONN',
}

function socketLine(row: ConnectionRow, all: boolean): SocketLine[] {
  if (row.protocol !== 'tcp' || (row.state === 'LISTEN' && !all)) return []
  const { state, receiveQueue, sendQueue, local, remote, info } = row
  const line: SocketLine = {
    state: STATES[state] ?? state,
    recvQ: receiveQueue,
    sendQ: sendQueue,
    local: endText(local),
    peer: remote ? endText(remote) : '*:*',
  }
  return [info ? { ...line, info: infoWords(info) } : line]
}

function endText({ address, port }: { address: string; port: number }): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** In the order and with the names of `ss -i`; times in milliseconds as there. */
function infoWords(info: TcpInfo): Record<string, number | string | boolean> {
  const words: Record<string, number | string | boolean> = {
    ts: info.timestamps,
    sack: info.sack,
    congestion: info.congestion,
    wscale: `${info.sndScale},${info.rcvScale}`,
    rto: milliseconds(info.rto),
    rtt: `${milliseconds(info.rtt)}/${milliseconds(info.rttvar)}`,
    mss: info.sndMss,
    pmtu: info.pmtu,
    rcvmss: info.rcvMss,
    cwnd: info.cwnd,
  }
  const rest: [string, number][] = [
    ['ssthresh', info.ssthresh < 0x7fff_ffff ? info.ssthresh : 0],
    ['backoff', info.backoff],
    ['bytes_sent', info.bytesSent],
    ['bytes_retrans', info.bytesRetrans],
    ['bytes_acked', info.bytesAcked],
    ['bytes_received', info.bytesReceived],
    ['segs_out', info.segsOut],
    ['segs_in', info.segsIn],
    ['data_segs_out', info.dataSegsOut],
    ['data_segs_in', info.dataSegsIn],
    ['unacked', info.unacked],
    ['lost', info.lost],
    ['sacked', info.sacked],
    ['retrans_total', info.totalRetrans],
    ['notsent', info.notSent],
    ['rcv_ooopack', info.outOfOrder],
    ['snd_wnd', info.sndWnd],
    ['rcv_wnd', info.rcvWnd],
    ['minrtt', Number.isFinite(info.minRtt) ? milliseconds(info.minRtt) : 0],
  ]
  for (const [name, value] of rest) if (value !== 0) words[name] = value
  if (info.caState !== 'Open') words['ca_state'] = info.caState
  if (info.limitedBy !== 'none') words['limited'] = info.limitedBy
  return words
}

function milliseconds(microseconds: number): number {
  return Math.round(microseconds) / 1000
}

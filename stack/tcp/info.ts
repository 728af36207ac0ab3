// `ss -ti` of one connection (Linux's struct tcp_info): reads the mechanisms, owns nothing. Cold: makes one record per call.
// Segments are counted as Linux does, by full ones; without SACK duplicates stand for what arrived, and `sacked` stays 0.

import { distance } from '../base/sequence.ts'
import type { TcpInfo } from './contract.ts'
import type { ControlBlock } from './control-block.ts'

export function connectionInfo(block: ControlBlock): TcpInfo {
  const { sendWindow, queue, recovery, rtt, window, mss } = block
  const segments = (bytes: number): number => Math.ceil(Math.max(bytes, 0) / Math.max(mss, 1))
  const pipe = recovery.pipe(sendWindow.sndUna, sendWindow.sndNxt, mss)
  const { sacked } = recovery
  const arrived = block.sack ? sacked : recovery.duplicates * mss
  const lost = recovery.lost()
  return {
    ...traffic(block),
    state: block.state,
    local: { address: block.local, port: block.localPort },
    remote: { address: block.remote, port: block.remotePort },
    rcvMss: block.acks.rcvMss,
    sndMss: mss,
    pmtu: block.path.mtu,
    rto: rtt.rto,
    rtt: rtt.srtt,
    rttvar: rtt.rttvar,
    minRtt: rtt.minRtt,
    cwnd: window.cwnd,
    ssthresh: window.ssthresh,
    congestion: window.algorithmName,
    caState: recovery.state,
    sndWnd: sendWindow.sndWnd,
    rcvWnd: block.receiveWindow.window,
    sndScale: sendWindow.scale,
    rcvScale: block.receiveWindow.scale,
    timestamps: block.timestamps.enabled,
    sack: block.sack,
    unacked: segments(sendWindow.flight),
    sacked: segments(sacked),
    lost: segments(lost),
    retrans: segments(pipe - (sendWindow.flight - arrived - lost)),
    backoff: block.persist?.active ? block.persist.backoff : rtt.backoff,
    probes: (block.persist?.unanswered ?? 0) + (block.keepAlive?.probes ?? 0),
    notSent: Math.max(distance(queue.end, sendWindow.sndNxt), 0),
    sendQueue: queue.bytes,
    receiveQueue: block.received.bytes,
    outOfOrder: block.reassembly?.bytes ?? 0,
    limitedBy: block.limitedBy,
  }
}

type Traffic =
  | 'totalRetrans'
  | 'bytesSent'
  | 'bytesAcked'
  | 'bytesRetrans'
  | 'bytesReceived'
  | 'segsOut'
  | 'segsIn'
  | 'dataSegsOut'
  | 'dataSegsIn'

/** What went and came since the beginning. */
function traffic(block: ControlBlock): Pick<TcpInfo, Traffic> {
  return {
    totalRetrans: block.retransmissions,
    bytesSent: block.bytesSent,
    bytesAcked: block.bytesAcknowledged,
    bytesRetrans: block.bytesRetransmitted,
    bytesReceived: block.bytesReceived,
    segsOut: block.segmentsOut,
    segsIn: block.segmentsIn,
    dataSegsOut: block.dataSegmentsOut,
    dataSegsIn: block.dataSegmentsIn,
  }
}

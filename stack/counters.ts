// What a stack counts, under the names that nstat prints. One plain object per stack; layers add to the fields directly.
// A field is here only if some code counts it. Sources: RFC 4293, RFC 4022, RFC 4113; Linux's snmp_proc.

import { clearWide, WIDE } from './base/wide.ts'

export class Counters {
  // ethernet and arp: no names of Linux's, which counts these per device or not at all
  EthInErrors = 0
  EthInOtherHost = 0
  EthInUnknownProtos = 0
  ArpInPackets = 0
  ArpInErrors = 0
  ArpInConflicts = 0
  ArpOutRequests = 0
  ArpOutReplies = 0
  ArpOutDiscards = 0
  // the columns of lnstat's arp_cache
  NeighResFailed = 0
  NeighUnresolvedDiscards = 0
  NeighTableFulls = 0
  NeighForcedGcRuns = 0
  // ip
  IpInReceives = 0
  IpInHdrErrors = 0
  IpInAddrErrors = 0
  IpInUnknownProtos = 0
  IpInDelivers = 0
  IpOutRequests = 0
  IpOutDiscards = 0
  IpOutNoRoutes = 0
  IpReasmReqds = 0
  IpReasmFails = 0
  IpExtInTruncatedPkts = 0
  IpExtInMcastPkts = 0
  IpExtInBcastPkts = 0
  IpExtInOctets = WIDE
  IpExtOutOctets = WIDE
  IpExtInCsumErrors = 0
  // the columns of lnstat's rt_cache
  RtInMartianSrc = 0
  RtInMartianDst = 0
  // icmp
  IcmpInMsgs = 0
  IcmpInErrors = 0
  IcmpInCsumErrors = 0
  IcmpInDestUnreachs = 0
  IcmpInTimeExcds = 0
  IcmpInParmProbs = 0
  IcmpInSrcQuenchs = 0
  IcmpInRedirects = 0
  IcmpInEchos = 0
  IcmpInEchoReps = 0
  IcmpOutMsgs = 0
  IcmpOutErrors = 0
  IcmpOutRateLimitGlobal = 0
  IcmpOutRateLimitHost = 0
  IcmpOutDestUnreachs = 0
  IcmpOutEchos = 0
  IcmpOutEchoReps = 0
  // udp
  UdpInDatagrams = 0
  UdpNoPorts = 0
  UdpInErrors = 0
  UdpOutDatagrams = 0
  UdpRcvbufErrors = 0
  UdpSndbufErrors = 0
  UdpInCsumErrors = 0
  // tcp
  TcpActiveOpens = 0
  TcpPassiveOpens = 0
  TcpAttemptFails = 0
  TcpEstabResets = 0
  TcpInSegs = 0
  TcpOutSegs = 0
  TcpRetransSegs = 0
  TcpInErrs = 0
  TcpOutRsts = 0
  TcpInCsumErrors = 0
  TcpCurrEstab = 0
  TcpExtSyncookiesSent = 0
  TcpExtSyncookiesRecv = 0
  TcpExtSyncookiesFailed = 0
  TcpExtEmbryonicRsts = 0
  TcpExtOutOfWindowIcmps = 0
  TcpExtTW = 0
  TcpExtTWRecycled = 0
  TcpExtPAWSEstab = 0
  TcpExtDelayedACKs = 0
  TcpExtListenOverflows = 0
  TcpExtListenDrops = 0
  TcpExtTCPPureAcks = 0
  TcpExtTCPRenoRecovery = 0
  TcpExtTCPSackRecovery = 0
  TcpExtTCPFastRetrans = 0
  TcpExtTCPSlowStartRetrans = 0
  TcpExtTCPTimeouts = 0
  TcpExtTCPSynRetrans = 0
  TcpExtTCPDSACKOldSent = 0
  TcpExtTCPDSACKOfoSent = 0
  TcpExtTCPDSACKRecv = 0
  TcpExtTCPSACKDiscard = 0
  TcpExtTCPAbortOnData = 0
  TcpExtTCPAbortOnClose = 0
  TcpExtTCPAbortOnTimeout = 0
  TcpExtTCPAbortOnLinger = 0
  TcpExtTCPTimeWaitOverflow = 0
  TcpExtTCPReqQFullDoCookies = 0
  TcpExtTCPReqQFullDrop = 0
  TcpExtTCPOFOQueue = 0
  TcpExtTCPOFODrop = 0
  TcpExtTCPRcvQDrop = 0
  TcpExtTCPZeroWindowDrop = 0
  TcpExtTCPChallengeACK = 0
  TcpExtTCPSYNChallenge = 0
  TcpExtTCPACKSkippedSeq = 0
  TcpExtTCPACKSkippedPAWS = 0
  TcpExtTCPACKSkippedChallenge = 0
  TcpExtTCPWinProbe = 0
  TcpExtTCPKeepAlive = 0
  TcpExtTCPFromZeroWindowAdv = 0
  TcpExtTCPToZeroWindowAdv = 0
  /** Not Linux's: payload bytes that the stack itself copied, on the way out and on the way in. */
  TcpPagewireCopiedOut = WIDE
  TcpPagewireCopiedIn = WIDE
  /** Not Linux's: connections whose first super-frame above 64 KiB may have been lost, and that send none of them any more. */
  TcpPagewireBigTcpLost = 0
  /** Not Linux's: SYNs that got no cookie because more came than can be answered, and those that went before others. */
  TcpPagewireSynPutOff = 0
  TcpPagewireSynPreferred = 0

  constructor() {
    clearWide(this)
  }
}

/** A copy of the counters that are not zero (or all), in their order. */
export function snapshot(counters: Counters, all = false): Record<string, number> {
  const out: Record<string, number> = {}
  for (const [name, value] of Object.entries(counters) as [string, number][]) if (all || value !== 0) out[name] = value
  return out
}

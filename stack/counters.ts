// What a stack counts, under the names that nstat prints. One plain object per stack; layers add to the fields directly.
// A field is here only if some code counts it. Sources: RFC 4293, RFC 4022, RFC 4113; Linux's snmp_proc.

export class Counters {
  // ip
  IpInReceives = 0
  IpInHdrErrors = 0
  IpInAddrErrors = 0
  IpInUnknownProtos = 0
  IpInDiscards = 0
  IpInDelivers = 0
  IpOutRequests = 0
  IpOutDiscards = 0
  IpOutNoRoutes = 0
  IpReasmReqds = 0
  IpReasmFails = 0
  IpExtInNoRoutes = 0
  IpExtInTruncatedPkts = 0
  IpExtInMcastPkts = 0
  IpExtInBcastPkts = 0
  IpExtInOctets = 0
  IpExtOutOctets = 0
  IpExtInCsumErrors = 0
  // icmp
  IcmpInMsgs = 0
  IcmpInErrors = 0
  IcmpInCsumErrors = 0
  IcmpInDestUnreachs = 0
  IcmpInTimeExcds = 0
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
}

/** A copy of the counters that are not zero (or all), in their order. */
export function snapshot(counters: Counters, all = false): Record<string, number> {
  const out: Record<string, number> = {}
  for (const [name, value] of Object.entries(counters) as [string, number][]) if (all || value !== 0) out[name] = value
  return out
}

// The features of a card: their names, bits and groups, as Linux and ethtool have them. Owns the words only; which
// features a card has and which are on is features.ts. Names and their order are those of the kernel's string set
// ("Actual changes:" lists them so); groups and short names are those of `ethtool -k` and `ethtool -K`.

export const SCATTER_GATHER = 1 << 0
export const CHECKSUM_IPV4 = 1 << 1
export const CHECKSUM_IP_GENERIC = 1 << 2
export const CHECKSUM_IPV6 = 1 << 3
export const SCATTER_GATHER_FRAGLIST = 1 << 4
export const GSO = 1 << 5
export const GRO = 1 << 6
export const LRO = 1 << 7
export const TSO = 1 << 8
export const TSO_ECN = 1 << 9
export const TSO_MANGLEID = 1 << 10
export const TSO6 = 1 << 11
export const USO = 1 << 12
export const CHECKSUM_FCOE = 1 << 13
export const CHECKSUM_SCTP = 1 << 14
export const RX_CHECKSUM = 1 << 15
export const GRO_HW = 1 << 16
export const TSO_ACCECN = 1 << 17

/** One feature: the name the kernel knows it by, and its bit. */
export interface FeatureName {
  readonly name: string
  readonly bit: number
}

/** All features a card of ours knows of, in the kernel's order. */
export const FEATURES: readonly FeatureName[] = [
  { name: 'tx-scatter-gather', bit: SCATTER_GATHER },
  { name: 'tx-checksum-ipv4', bit: CHECKSUM_IPV4 },
  { name: 'tx-checksum-ip-generic', bit: CHECKSUM_IP_GENERIC },
  { name: 'tx-checksum-ipv6', bit: CHECKSUM_IPV6 },
  { name: 'tx-scatter-gather-fraglist', bit: SCATTER_GATHER_FRAGLIST },
  { name: 'tx-generic-segmentation', bit: GSO },
  { name: 'rx-gro', bit: GRO },
  { name: 'rx-lro', bit: LRO },
  { name: 'tx-tcp-segmentation', bit: TSO },
  { name: 'tx-tcp-ecn-segmentation', bit: TSO_ECN },
  { name: 'tx-tcp-mangleid-segmentation', bit: TSO_MANGLEID },
  { name: 'tx-tcp6-segmentation', bit: TSO6 },
  { name: 'tx-udp-segmentation', bit: USO },
  { name: 'tx-tcp-accecn-segmentation', bit: TSO_ACCECN },
  { name: 'tx-checksum-fcoe-crc', bit: CHECKSUM_FCOE },
  { name: 'tx-checksum-sctp', bit: CHECKSUM_SCTP },
  { name: 'rx-checksum', bit: RX_CHECKSUM },
  { name: 'rx-gro-hw', bit: GRO_HW },
]

/** A line of `ethtool -k` at the left margin: one feature or several under one name. */
export interface FeatureGroup {
  readonly name: string
  /** What `ethtool -K` also takes for it. */
  readonly short: string
  readonly bits: number
}

const TX_CHECKSUMS = CHECKSUM_IPV4 | CHECKSUM_IP_GENERIC | CHECKSUM_IPV6 | CHECKSUM_FCOE | CHECKSUM_SCTP
/** All forms of TCP segmentation: what needs scatter-gather. */
export const ALL_TSO = TSO | TSO_ECN | TSO_MANGLEID | TSO6 | TSO_ACCECN
/** What the port is told by `setReceiveOptions`. */
export const RECEIVE_FEATURES = RX_CHECKSUM | GRO_HW

/** In the order of `ethtool -k`. */
export const GROUPS: readonly FeatureGroup[] = [
  { name: 'rx-checksumming', short: 'rx', bits: RX_CHECKSUM },
  { name: 'tx-checksumming', short: 'tx', bits: TX_CHECKSUMS },
  { name: 'scatter-gather', short: 'sg', bits: SCATTER_GATHER | SCATTER_GATHER_FRAGLIST },
  { name: 'tcp-segmentation-offload', short: 'tso', bits: ALL_TSO },
  { name: 'generic-segmentation-offload', short: 'gso', bits: GSO },
  { name: 'generic-receive-offload', short: 'gro', bits: GRO },
  { name: 'large-receive-offload', short: 'lro', bits: LRO },
]

/** Short names of our own, for features that ethtool knows by their long name only. */
const SHORTHANDS: readonly FeatureName[] = [
  { name: 'tso6', bit: TSO6 },
  { name: 'uso', bit: USO },
]

const BITS_BY_NAME: ReadonlyMap<string, number> = new Map([
  ...SHORTHANDS.map(({ name, bit }): [string, number] => [name, bit]),
  ...FEATURES.map(({ name, bit }): [string, number] => [name, bit]),
  ...GROUPS.flatMap(({ name, short, bits }): [string, number][] => [
    [name, bits],
    [short, bits],
  ]),
])

/** The bits that a name stands for (long, short, or of a single feature); 0 for a name that nobody knows. */
export function featureBits(name: string): number {
  return BITS_BY_NAME.get(name) ?? 0
}

/** The kernel's name of a single bit. */
export function featureName(bit: number): string {
  for (const feature of FEATURES) if (feature.bit === bit) return feature.name
  return `feature-${bit}`
}

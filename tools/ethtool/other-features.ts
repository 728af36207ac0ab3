// Features of Linux that our card knows nothing of: `ethtool -k` lists them for every card, and so do we, `off [fixed]`. In
// the order of `ethtool -k`; owns words only.

/** What `-k` prints, what `-K` also takes, and what the kernel calls it. */
export interface OtherFeature {
  readonly name: string
  readonly short: string
  readonly kernel: string
}

const GROUPS: readonly OtherFeature[] = [
  { name: 'rx-vlan-offload', short: 'rxvlan', kernel: 'rx-vlan-hw-parse' },
  { name: 'tx-vlan-offload', short: 'txvlan', kernel: 'tx-vlan-hw-insert' },
  { name: 'ntuple-filters', short: 'ntuple', kernel: 'rx-ntuple-filter' },
  { name: 'receive-hashing', short: 'rxhash', kernel: 'rx-hashing' },
]

const SINGLE = `highdma rx-vlan-filter vlan-challenged tx-gso-robust tx-fcoe-segmentation tx-gre-segmentation
tx-gre-csum-segmentation tx-ipxip4-segmentation tx-ipxip6-segmentation tx-udp_tnl-segmentation
tx-udp_tnl-csum-segmentation tx-gso-partial tx-tunnel-remcsum-segmentation tx-sctp-segmentation tx-esp-segmentation
tx-udp-segmentation tx-gso-list tx-nocache-copy loopback rx-fcs rx-all tx-vlan-stag-hw-insert rx-vlan-stag-hw-parse
rx-vlan-stag-filter l2-fwd-offload hw-tc-offload esp-hw-offload esp-tx-csum-hw-offload rx-udp_tunnel-port-offload
tls-hw-tx-offload tls-hw-rx-offload rx-gro-hw tls-hw-record rx-gro-list macsec-hw-offload rx-udp-gro-forwarding
hsr-tag-ins-offload hsr-tag-rm-offload hsr-fwd-offload hsr-dup-offload`

/** All lines of `ethtool -k` behind the groups that cards have; those that our card does know stand in their place too. */
export const OTHER_FEATURES: readonly OtherFeature[] = [
  ...GROUPS,
  ...SINGLE.split(/\s/).map((name) => ({ name, short: name, kernel: name })),
]

// What a TAP can do for its card, by what its kernel knows: the bits of TUNSETOFFLOAD, and the capabilities that they are.

import type { PortCapabilities } from '../../nic/port.ts'
import { GSO_MAX_SIZE, MAX_PACKET } from '../../stack/buffer/frame.ts'

export const TUN_F_CSUM = 0x01
const TUN_F_TSO4 = 0x02
const TUN_F_TSO6 = 0x04
export const TUN_F_TSO = TUN_F_TSO4 | TUN_F_TSO6
export const TUN_F_TSO_ECN = 0x08
export const TUN_F_TSO_ALL = TUN_F_TSO | TUN_F_TSO_ECN
export const TUN_F_USO = 0x20 | 0x40

/** `offload`: the bits that this kernel took. */
export function capabilitiesOf(vnetHeader: boolean, offload: number): PortCapabilities {
  return {
    // To send with an offload takes the header only; what may be received is what TUNSETOFFLOAD knows.
    txChecksum: vnetHeader,
    scatterGather: true,
    sumsOnPost: true,
    tso4: vnetHeader,
    tso6: vnetHeader,
    // A kernel that is too old for it answers EMSGSIZE; one that takes it reads it too (6.3 learned that, 6.6 this).
    gsoMaxSize: vnetHeader ? GSO_MAX_SIZE : MAX_PACKET,
    tsoEcn: vnetHeader && (offload & TUN_F_TSO_ECN) !== 0,
    // The kernel takes UDP_L4 since the release that knows the bits for receiving it.
    uso: (offload & TUN_F_USO) !== 0,
    rxChecksum: (offload & TUN_F_CSUM) !== 0,
    rxGroHw: (offload & TUN_F_TSO_ALL) !== 0,
  }
}

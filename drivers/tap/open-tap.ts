// Opening a TAP: create the interface or attach to a persistent one, find out what its kernel can do, and say clearly what
// is missing when it cannot be done. Owns the order of the steps; each ioctl is the addon's.

import type { Addon, NativeTap } from '../../native/index.ts'
import { NativeMemory, needAddon } from './addon.ts'
import { configureInterface } from './interface.ts'
import { TUN_F_CSUM, TUN_F_TSO, TUN_F_TSO_ECN, TUN_F_USO } from './tap-capabilities.ts'
import { attachError, checkInterfaceName, deviceNodeError, interfaceError, TapError } from './tap-error.ts'
import { TapPort } from './tap-port.ts'
import { VIRTIO_HEADER } from './virtio-header.ts'

export interface OpenTapOptions {
  /** The interface's name, up to 15 bytes. */
  name: string
  /**
   * Ask for the virtio-net header, and with it for all offloads (default: yes). Without it everything is done in software.
   * Never falls back silently: TapError EVNETHDR.
   */
  vnetHeader?: boolean
  /** False: the interface must be there already (default: it is created when it is not there, and goes with the port). */
  create?: boolean
  /** Bytes on their way that make the TAP push back (TUNSETSNDBUF; default: no limit). */
  sendBuffer?: number
  /** Sets the interface's MTU, bytes (default: as it is; 1500 for a new one). */
  mtu?: number
  /** Frames that the kernel queues towards us (default: as it is; 10000 for a new one, so that windows of a few MiB fit). */
  txQueueLength?: number
  /** Descriptors of the transmit ring, a power of two from 32 to 65536 (default 1024). A frame takes 1 + refs. */
  ringSize?: number
  /** Frames per native call on receive, a power of two up to 4096 (default 64). */
  receiveRingSize?: number
  /**
   * The most receive pages (64 KiB each) in use at a time, those that wait for frames among them (default 1024). Without the
   * virtio-net header pages are of the MTU's size, and 16 times as many may be in use.
   */
  receivePages?: number
  /** A thread brings the pages of files into the processor's cache before they are sent (default: no). */
  prefetch?: boolean
  /** The device node. */
  device?: string
}

/** Masks from the newest kernel to the oldest: TUNSETOFFLOAD refuses unknown bits, so the first that passes is it. */
const PROBES = [
  TUN_F_CSUM | TUN_F_TSO | TUN_F_TSO_ECN | TUN_F_USO,
  TUN_F_CSUM | TUN_F_TSO | TUN_F_TSO_ECN,
  TUN_F_CSUM | TUN_F_TSO,
  TUN_F_CSUM,
]

const IFF_VNET_HDR = 0x4000
const UNLIMITED = 0x7fff_ffff
const QUEUE_LENGTH = 10_000

/** Opens a TAP, down as the kernel makes it; `configureInterface` brings its end up. Throws TapError. */
export function openTap(options: OpenTapOptions): TapPort {
  const { name, vnetHeader = true, create = true, device = '/dev/net/tun' } = options
  checkInterfaceName(name)
  const sizes = checkSizes(options)
  const addon = needAddon()
  const exists = typeof addon.interfaceInfo(name) === 'object'
  if (!exists && !create) {
    throw new TapError('ENOENT', `there is no interface ${name}`, `ip tuntap add ${name} mode tap vnet_hdr`)
  }
  const native = new addon.Tap()
  try {
    const opened = native.open(device)
    if (opened < 0) throw deviceNodeError(device, name, opened)
    const attached = native.attach(name, vnetHeader)
    if (attached < 0) throw attachError(name, attached, exists)
    return setUp(addon, native, options, sizes, exists)
  } catch (error) {
    native.close()
    throw error
  }
}

interface Sizes {
  transmit: number
  receive: number
  pages: number
}

function setUp(addon: Addon, native: NativeTap, options: OpenTapOptions, sizes: Sizes, existed: boolean): TapPort {
  const { name, vnetHeader = true, sendBuffer = UNLIMITED, mtu, prefetch = false } = options
  const { txQueueLength = existed ? undefined : QUEUE_LENGTH } = options
  // A persistent TAP keeps the settings of its last owner: all of them are set anew.
  if (((native.flags() & IFF_VNET_HDR) !== 0) !== vnetHeader) throw headerError(name, vnetHeader)
  if (vnetHeader && native.setHeaderSize(VIRTIO_HEADER) < 0) throw headerError(name, vnetHeader)
  const offload = vnetHeader ? probe(native) : 0
  const cleared = native.setOffload(0)
  if (cleared < 0) throw interfaceError(name, 'set the offloads', cleared)
  const buffered = native.setSendBuffer(sendBuffer)
  if (buffered < 0) throw interfaceError(name, `set the send buffer ${sendBuffer}`, buffered)
  if (mtu !== undefined || txQueueLength !== undefined) configureInterface(name, { mtu, txQueueLength })
  const info = addon.interfaceInfo(name)
  if (typeof info === 'number') throw interfaceError(name, 'read the settings', info)
  const memory = new NativeMemory(addon)
  const port = new TapPort({ addon, native, name, info, memory, vnetHeader, offload, created: !existed, ...sizes })
  if (prefetch) port.setPrefetch(true)
  return port
}

/** The TUN_F_ bits that this kernel knows. */
function probe(native: NativeTap): number {
  for (const mask of PROBES) if (native.setOffload(mask) === 0) return mask
  return 0
}

function headerError(name: string, wanted: boolean): TapError {
  return new TapError(
    'EVNETHDR',
    `${name} ${wanted ? 'has no' : 'insists on a'} virtio-net header`,
    wanted
      ? `open it with { vnetHeader: false }, or make it anew: ip tuntap add ${name} mode tap vnet_hdr`
      : `make it anew: ip tuntap del ${name} mode tap; ip tuntap add ${name} mode tap`,
  )
}

function checkSizes(options: OpenTapOptions): Sizes {
  const { ringSize = 1024, receiveRingSize = 64, receivePages = 1024 } = options
  powerOfTwo('ringSize', ringSize, 32, 65536)
  powerOfTwo('receiveRingSize', receiveRingSize, 1, 4096)
  if (!Number.isInteger(receivePages) || receivePages < 1) throw new RangeError('receivePages must be 1 or more')
  return { transmit: ringSize, receive: receiveRingSize, pages: receivePages }
}

function powerOfTwo(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most && (value & (value - 1)) === 0) return
  throw new RangeError(`${name} must be a power of two from ${least} to ${most}`)
}

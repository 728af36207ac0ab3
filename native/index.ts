// The typed face of the addon, and its loader. Owns no logic. Natives never throw for what the system says: they answer
// 0 or more, or a negative errno. Works from the sources (native/) and from the build (dist/native/), with the binary in
// native/build/Release (built here) or native/prebuilds (came with the package).

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Must be what module.cc exports: another number means a binary of other sources. */
const FACE_VERSION = 5

/** Bits of `watch` and of the TAP's callback. */
export const READABLE = 1
export const WRITABLE = 2

/** Bits of a link's state. `LINK_CARRIER` is what IFF_LOWER_UP says. */
export const LINK_UP = 1
export const LINK_CARRIER = 2
export const LINK_GONE = 4

/** Words of a descriptor in a ring: region id, offset, length, flags. Statuses (one word each) stand behind all descriptors. */
export const DESCRIPTOR_WORDS = 4
/** Flag of a descriptor: the frame goes on in the next one. */
export const DESCRIPTOR_NEXT = 1
/**
 * Flag of a descriptor, with `start` in the bits from 16 on. To be sent: the checksum of the bytes from `start` in this
 * descriptor to the frame's end is written at `start` plus bits 8 to 15 before the frame leaves. To be received: the sum of
 * the bytes from `start` on is wanted, and stands in the place of `start` when the frame has come (flags 0: there is none).
 */
export const DESCRIPTOR_CHECKSUM = 2
/** Words of a piece in a list for `sum`, `copyAndSum` and `copy`: region id, offset, length. */
export const PIECE_WORDS = 3
/** The most pieces of a frame or list. */
export const MAX_PIECES = 19

/** A TAP device. Use in the order of the methods. */
export interface NativeTap {
  /** Opens the device node. */
  open(path: string): number
  /** Creates the interface, or attaches to a persistent one (TUNSETIFF with IFF_TAP | IFF_NO_PI and perhaps IFF_VNET_HDR). */
  attach(name: string, vnetHeader: boolean): number
  /** The IFF_ flags as the kernel has them (TUNGETIFF); -EBADFD when the device was deleted. */
  flags(): number
  setHeaderSize(bytes: number): number
  /** TUN_F_ bits: what this end takes. Replaces the whole mask. */
  setOffload(mask: number): number
  setSendBuffer(bytes: number): number
  /** Regions that hold the rings; sizes are powers of two up to 65536 descriptors. */
  /** Whether a thread walks the pages of files that the next frames of a burst point at. 0, or -EOPNOTSUPP (guarded build). */
  prefetch(on: boolean): number
  /** Bytes that it has walked. */
  prefetched(): number
  setRings(transmitRegion: number, transmitSize: number, receiveRegion: number, receiveSize: number): number
  /** Writes frames from descriptor `head` on. Returns how many are completed; fewer than `frames`: the device is full. */
  transmit(head: number, frames: number): number
  /** Reads frames into descriptors from `head` on. Returns how many are completed; fewer than `budget`: nothing waits. */
  receive(head: number, budget: number): number
  /** Enters the event loop. The callback gets READABLE | WRITABLE, or a negative errno after which nothing is watched. */
  poll(callback: (events: number) => void): number
  watch(events: number): number
  /** Whether it keeps the process alive (at first: yes). */
  keep(alive: boolean): number
  /** Idempotent. */
  close(): number
}

/** A one-shot timer of microsecond resolution. */
export interface NativeTimerHandle {
  open(callback: (error: number) => void): number
  arm(microseconds: number): number
  disarm(): number
  keep(alive: boolean): number
  close(): number
}

/** Watches one interface of the network namespace in which it was opened. */
export interface NativeLinkWatch {
  /** The callback gets the state's bits when state or MTU changed. */
  open(interfaceIndex: number, callback: (state: number) => void): number
  /** Asks the kernel now: the state's bits. */
  refresh(): number
  /** Bytes, as of the last message. */
  mtu(): number
  keep(alive: boolean): number
  close(): number
}

/** A regular file whose windows become regions. Its bytes are for `transmit`, `sum`, `copyAndSum` and `copy` only. */
export interface NativeMappedFile {
  /** Takes a duplicate of the descriptor. -EINVAL: not a regular file. */
  open(fd: number): number
  /** Device, inode, size and modification time at the opening. */
  key(): string
  /** Bytes, at the opening. */
  size(): number
  /** Whether size or modification time are other than at the opening: 0 or 1. */
  changed(): number
  /**
   * Maps bytes [offset, offset + length) and makes them resident in a thread of the pool; the callback gets a region's id or
   * a negative errno. `offset` is a multiple of the machine's page size, `length` at most 1 GiB.
   */
  map(offset: number, length: number, callback: (result: number) => void): number
  /** Idempotent; windows stay until they are unregistered. */
  close(): number
}

export interface NativeInterfaceInfo {
  index: number
  /** IFF_ flags, the low 16 bits. */
  flags: number
  mtu: number
  txQueueLength: number
  /** ARPHRD_: 1 is Ethernet. */
  hardwareType: number
  hardwareAddress: string
}

export interface NativeInterfaceAddress {
  name: string
  address: string
  prefixLength: number
}

export interface Addon {
  readonly faceVersion: number
  /** Makes memory known to rings and lists: an id above 0. */
  registerRegion(buffer: ArrayBuffer): number
  unregisterRegion(id: number): number
  /** Whether all of a mapped window is in memory: 0 or 1. */
  regionResident(id: number): number
  /** Regions that are registered in this thread. */
  regionCount(): number
  /** RFC 1071 over a list of pieces that stands at the start of region `list`: 0 to 65535 in network order. */
  sum(list: number, count: number): number
  /** Copies the pieces to `bytes` from `at` on and sums them. */
  copyAndSum(list: number, count: number, bytes: Uint8Array, at: number): number
  copy(list: number, count: number, bytes: Uint8Array, at: number): number
  /**
   * Copies out of a mapped window by touching it, as an application that maps a file does; the others read the file. EFAULT
   * when the file has become shorter.
   */
  copyMapped(region: number, offset: number, length: number, bytes: Uint8Array, at: number): number
  readonly MappedFile: new () => NativeMappedFile
  readonly Tap: new () => NativeTap
  readonly Timer: new () => NativeTimerHandle
  readonly LinkWatch: new () => NativeLinkWatch
  interfaceInfo(name: string): NativeInterfaceInfo | number
  interfaceAddresses(): NativeInterfaceAddress[] | number
  interfaceSetFlags(name: string, set: number, clear: number): number
  interfaceSetMtu(name: string, bytes: number): number
  interfaceSetTxQueueLength(name: string, frames: number): number
  interfaceSetHardwareAddress(name: string, address: string): number
  /** Sets the IPv4 address, or adds an IPv6 address. */
  interfaceSetAddress(name: string, address: string, prefixLength: number): number
}

let binary: string | null = null

/** The binary at `path` instead of the package's own, from the next load on: for tests, before anything is made of the other. */
export function useAddon(path: string): void {
  binary = path
}

/** The addon, or why it cannot be had. Never throws; cheap after the first time. */
export function loadAddon(): Addon | Error {
  if (process.platform !== 'linux') return new Error(`the addon is for Linux; this is ${process.platform}`)
  const require = createRequire(import.meta.url)
  let addon: Addon
  try {
    const load = require('node-gyp-build') as (folder: string) => Addon
    addon = binary === null ? load(addonFolder()) : (require(binary) as Addon)
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    return new Error(`the addon cannot be loaded: ${said}`, { cause })
  }
  if (addon.faceVersion === FACE_VERSION) return addon
  return new Error('the addon was built from other sources: npm run build:native')
}

/** The package's folder native/: this file's own, or as seen from dist/native/. */
function addonFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  return existsSync(join(here, 'binding.gyp')) ? here : join(here, '..', '..', 'native')
}

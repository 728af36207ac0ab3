// As much of ARP and TCP as makes the kernel send data: answers who-has and SYN, and takes what comes. The test of the
// receive offloads needs a sender, not a stack.

import type { TapPort } from '../../../drivers/tap/index.ts'
import type { Frame } from '../../../stack/buffer/frame.ts'
import { ETHERNET, fold, IPV4, type Pools, sumOf } from './support.ts'

const MAC = [2, 0, 0x5e, 0x10, 0, 1]
const SYN = 2
const ACK = 0x10

export class TcpAnswerer {
  /** The largest payload of a frame so far. */
  largest = 0
  private readonly port: TapPort
  private readonly pools: Pools
  private readonly kernelMac: Uint8Array

  constructor(port: TapPort, pools: Pools, kernelMac: Uint8Array) {
    this.port = port
    this.pools = pools
    this.kernelMac = kernelMac
  }

  /** Answers what needs an answer; returns the bytes of TCP payload in the frame. */
  answer(frame: Frame): number {
    const { view } = frame.head
    const at = frame.start
    const type = view.getUint16(at + 12)
    if (type === 0x0806 && view.getUint16(at + 20) === 1) this.answerArp(frame)
    if (type !== 0x0800 || view.getUint8(at + 23) !== 6) return 0
    const tcp = at + ETHERNET + IPV4
    if ((view.getUint8(tcp + 13) & SYN) !== 0) this.answerSyn(frame)
    const headers = ETHERNET + IPV4 + (view.getUint8(tcp + 12) >>> 4) * 4
    const payload = view.getUint16(at + ETHERNET + 2) + ETHERNET - headers
    this.largest = Math.max(this.largest, payload)
    return payload
  }

  private answerArp(question: Frame): void {
    const from = question.head.bytes.subarray(question.start)
    const frame = this.begin(0x0806, 28)
    const arp = frame.head.bytes.subarray(frame.start + ETHERNET)
    arp.set([0, 1, 8, 0, 6, 4, 0, 2, ...MAC])
    arp.set(from.subarray(38, 42), 14)
    arp.set(from.subarray(22, 32), 18)
    this.send(frame)
  }

  private answerSyn(question: Frame): void {
    const from = question.head.bytes.subarray(question.start)
    const asked = question.head.view
    const frame = this.begin(0x0800, IPV4 + 28)
    const { bytes, view } = frame.head
    const ip = frame.start + ETHERNET
    const tcp = ip + IPV4
    view.setUint16(ip, 0x4500)
    view.setUint16(ip + 2, IPV4 + 28)
    view.setUint16(ip + 8, (64 << 8) | 6)
    bytes.set(from.subarray(30, 34), ip + 12)
    bytes.set(from.subarray(26, 30), ip + 16)
    view.setUint16(ip + 10, ~fold(sumOf(bytes.subarray(ip, tcp))) & 0xffff)
    bytes.set(from.subarray(36, 38), tcp)
    bytes.set(from.subarray(34, 36), tcp + 2)
    view.setInt32(tcp + 4, 1000)
    view.setInt32(tcp + 8, asked.getInt32(question.start + 38) + 1)
    view.setUint16(tcp + 12, (7 << 12) | SYN | ACK)
    view.setUint16(tcp + 14, 65535)
    // MSS 1460, no-operation, window scale 7.
    bytes.set([2, 4, 0x05, 0xb4, 1, 3, 3, 7], tcp + 20)
    view.setUint16(tcp + 16, fold(sumOf(bytes.subarray(ip + 12, tcp)) + 6 + 28))
    frame.csumStart = ETHERNET + IPV4
    frame.csumOffset = 16
    this.send(frame)
  }

  private begin(type: number, length: number): Frame {
    const frame = this.pools.frames.allocate(64) as Frame
    const { bytes, view } = frame.head
    frame.end = frame.start + ETHERNET + length
    bytes.fill(0, frame.start, frame.end)
    bytes.set(this.kernelMac, frame.start)
    bytes.set(MAC, frame.start + 6)
    view.setUint16(frame.start + 12, type)
    return frame
  }

  private send(frame: Frame): void {
    if (!this.port.post(frame)) throw new Error('no room')
    this.port.doorbell()
  }
}

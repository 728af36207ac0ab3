// A port around a port: what a capture and a fault injector have in common. Passes everything through in both directions;
// a subclass overrides what it is about. What wraps a port is a port, and so are two around each other.

import type { Port, PortCapabilities, PortReceiveOptions, PortRings, PortSink } from '../nic/port.ts'
import { EOPNOTSUPP } from '../stack/base/errno.ts'
import type { Frame, FramePool } from '../stack/buffer/frame.ts'
import type { Memory } from '../stack/buffer/page.ts'

export class WrappedPort implements Port, PortSink {
  protected readonly inner: Port
  protected sink: PortSink | null = null

  constructor(inner: Port) {
    this.inner = inner
  }

  get name(): string {
    return this.inner.name
  }

  get capabilities(): Readonly<PortCapabilities> {
    return this.inner.capabilities
  }

  get mtu(): number {
    return this.inner.mtu
  }

  get up(): boolean {
    return this.inner.up
  }

  get memory(): Memory {
    return this.inner.memory
  }

  get txRingSize(): number {
    return this.inner.txRingSize
  }

  get txRingFree(): number {
    return this.inner.txRingFree
  }

  get statistics(): Readonly<Record<string, number>> {
    return this.inner.statistics
  }

  setReceiveOptions(options: PortReceiveOptions): boolean {
    return this.inner.setReceiveOptions(options)
  }

  get rings(): Port['rings'] {
    return this.inner.rings
  }

  setRings(sizes: PortRings): number {
    return this.inner.setRings?.(sizes) ?? EOPNOTSUPP
  }

  post(frame: Frame, sum?: boolean): boolean {
    return this.inner.post(frame, sum)
  }

  doorbell(): void {
    this.inner.doorbell()
  }

  receive(budget: number, thorough?: boolean): number {
    return this.inner.receive(budget, thorough)
  }

  attach(sink: PortSink, frames: FramePool): void {
    this.sink = sink
    this.inner.attach(this, frames)
  }

  close(): void {
    this.inner.close()
  }

  onFrame(frame: Frame): void {
    if (this.sink) this.sink.onFrame(frame)
    else frame.release()
  }

  onComplete(frame: Frame, errno: number): void {
    if (this.sink) this.sink.onComplete(frame, errno)
    else frame.release()
  }

  onReadable(): void {
    this.sink?.onReadable()
  }

  onWritable(): void {
    this.sink?.onWritable()
  }

  onLink(up: boolean, gone: boolean): void {
    this.sink?.onLink(up, gone)
  }
}

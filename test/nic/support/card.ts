// A card on a port in memory, with a receiver that remembers what it was told.

import { Nic, type NicOptions, TypeScriptChecksum } from '../../../nic/index.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import type { Frame } from '../../../stack/buffer/frame.ts'
import type { DeviceReceiver } from '../../../stack/device.ts'
import { MemoryPort, type MemoryPortOptions } from './memory-port.ts'
import { PacketLab } from './packets.ts'

export class Receiver implements DeviceReceiver {
  readonly frames: Frame[] = []
  readonly times: number[] = []
  readonly links: [boolean, boolean][] = []
  readable = 0
  writable = 0

  onFrame(frame: Frame, now: number): void {
    this.frames.push(frame)
    this.times.push(now)
  }

  onReadable(): void {
    this.readable++
  }

  onWritable(): void {
    this.writable++
  }

  onLink(up: boolean, gone: boolean): void {
    this.links.push([up, gone])
  }
}

/** Remembers the errnos it was told. */
export class Owner {
  readonly errnos: number[] = []

  onTransmitError(errno: number): void {
    this.errnos.push(errno)
  }
}

export interface Card {
  lab: PacketLab
  port: MemoryPort
  nic: Nic
  receiver: Receiver
  said: string[]
}

export function card(options: MemoryPortOptions & Partial<Pick<NicOptions, 'engine'>> = {}): Card {
  const lab = new PacketLab()
  const port = new MemoryPort(lab.memory, options)
  const receiver = new Receiver()
  const said: string[] = []
  const nic = new Nic({
    port,
    frames: lab.frames,
    engine: options.engine ?? new TypeScriptChecksum(),
    address: MacAddress.parse('02:00:00:00:00:01')!,
    log: (_level, message) => said.push(message),
  })
  nic.attach(receiver)
  return { lab, port, nic, receiver, said }
}

/** Closes the card and gives what leaked: frames, pages, regions that are still registered. */
export function leaks({ lab, nic, receiver }: Card): number {
  for (const frame of receiver.frames.splice(0)) frame.release()
  nic.close()
  lab.headers.close()
  lab.payloads.close()
  lab.receivePages.close()
  return lab.outstanding + lab.memory.regions.size
}

// Who listens where: listeners by port, the one with the exact address before the one for every address (RFC 9293 3.10.1,
// RFC 1122 4.2.3.7). Owns the lists, not the listeners.

import type { IpAddress } from '../base/ip-address.ts'
import type { Listener } from './listener.ts'

export class Listeners {
  private readonly ports = new Map<number, Listener[]>()

  find(address: IpAddress, port: number): Listener | null {
    const list = this.ports.get(port)
    if (list === undefined) return null
    let any: Listener | null = null
    for (let i = 0; i < list.length; i++) {
      const own = list[i].localAddress
      if (own === null) any = list[i]
      else if (own.equals(address)) return list[i]
    }
    return any
  }

  /** Whether a listener on this address and port would stand in another's way. */
  conflicts(address: IpAddress | null, port: number): boolean {
    const list = this.ports.get(port)
    if (list === undefined) return false
    return list.some((other) => {
      const own = other.localAddress
      return own === null || address === null || own.equals(address)
    })
  }

  holdsPort(port: number): boolean {
    return this.ports.has(port)
  }

  add(listener: Listener): void {
    const list = this.ports.get(listener.localPort)
    if (list) list.push(listener)
    else this.ports.set(listener.localPort, [listener])
  }

  remove(listener: Listener): void {
    const list = this.ports.get(listener.localPort)
    const at = list?.indexOf(listener) ?? -1
    if (!list || at < 0) return
    list.splice(at, 1)
    if (list.length === 0) this.ports.delete(listener.localPort)
  }

  all(): Listener[] {
    return [...this.ports.values()].flat()
  }
}

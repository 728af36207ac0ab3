// A list of connections that is filled and emptied at each poll, without allocation once it has grown. Owns its places,
// not the connections: one that was taken out leaves no trace, so that the collector may have it.
// Nothing is searched for or removed from the middle.

import type { Connection } from './connection.ts'

export class ConnectionList {
  count = 0
  private readonly items: (Connection | null)[] = []

  push(connection: Connection): void {
    if (this.count < this.items.length) this.items[this.count] = connection
    else this.items.push(connection)
    this.count++
  }

  /** The first of the present filling, which is not empty. */
  get first(): Connection {
    return this.items[0] as Connection
  }

  /** Takes item `index` of the present filling; the place forgets it. */
  take(index: number): Connection {
    const connection = this.items[index] as Connection
    this.items[index] = null
    return connection
  }

  /** Forgets the first `count`, which were taken; the others move up. */
  dropFirst(count: number): void {
    const left = this.count - count
    for (let i = 0; i < left; i++) this.items[i] = this.take(count + i)
    this.count = left
  }

  clear(): void {
    this.count = 0
  }
}

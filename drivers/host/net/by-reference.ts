// What goes through a stream's queue of writes in the shape of an empty Buffer and stands for bytes that are queued by
// reference: so they keep their place among the writes. Owns the mark; what it stands for queues itself.

import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'

export interface ByReference {
  /** Bytes that are not queued yet. */
  readonly remaining: number
  /** Bytes that were queued so far. */
  readonly queued: number
  /** It is an application's write, whose bytes count as written when it is made; others count as they are queued. */
  readonly isWrite?: boolean
  /** Queues what fits. 1: all of it is queued. 0: the rest waits for room or for the disk. Negative: the endpoint's errno. */
  pump(endpoint: TcpEndpoint): number
  /**
   * The stream is destroyed: nothing is pumped any more. True: frames on their way still refer to the application's memory, and
   * `free` is called when they do no longer.
   */
  abandon?(free: () => void): boolean
}

const STANDS_FOR = Symbol('stands for')

type Marker = Buffer & { [STANDS_FOR]?: ByReference }

export function markerOf(what: ByReference): Buffer {
  const marker: Marker = Buffer.alloc(0)
  marker[STANDS_FOR] = what
  return marker
}

/** What an empty chunk stands for; undefined for one that is just empty. */
export function behindMarker(chunk: Uint8Array): ByReference | undefined {
  return (chunk as Marker)[STANDS_FOR]
}

// Lets a server of Node's own (http, https, tls, http2, net) listen on a host's TCP: its connections are our Sockets, given
// to it by its `connection` event, which Node documents for this. In the place of libuv's handle the server gets a
// small one of ours, so that its `address`, `listening`, `close`, `ref`, `unref` and its count of connections are right.

import type { Server as NodeServer } from 'node:net'
import type { Closable } from '../open-list.ts'
import { type AcceptingServer, Acceptor, type SocketConstructor } from './acceptor.ts'
import type { SocketContext } from './context.ts'
import { serverAlreadyListening } from './errors.ts'
import { openListener } from './server.ts'

/** The part of Node's server that is used, beyond what is documented: stable since its first versions, and tested on each. */
interface ServerInside extends AcceptingServer {
  _handle: ListeningHandle | null
}

interface ListeningHandle {
  close(): void
  getsockname(out: object): number
  ref(): void
  unref(): void
}

/** `listening` follows in a later tick, or `error` (EADDRINUSE, EADDRNOTAVAIL). Throws when it listens already. */
export function adoptServer(
  context: SocketContext,
  SocketClass: SocketConstructor,
  server: NodeServer,
  port: number,
  address: string | null,
  backlog: number,
): void {
  const inside = server as unknown as ServerInside
  if (inside._handle) throw serverAlreadyListening()
  const listener = openListener(context, address, port, backlog)
  if (listener instanceof Error) {
    process.nextTick(() => server.emit('error', listener))
    return
  }
  const acceptor = new Acceptor(context, inside, SocketClass, listener)
  const closable: Closable = { _openPlace: -1, closeWithHost: () => void server.close() }
  context.open.add(closable)
  inside._handle = {
    close: () => {
      context.open.delete(closable)
      acceptor.close()
    },
    getsockname: (out) => {
      Object.assign(out, acceptor.address())
      return 0
    },
    ref: () => acceptor.ref(),
    unref: () => acceptor.unref(),
  }
  process.nextTick(() => {
    if (inside._handle) server.emit('listening')
  })
}

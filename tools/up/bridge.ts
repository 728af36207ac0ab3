// A loopback port of the machine that leads into a stack which the machine cannot reach otherwise: what connects here is
// connected, through a second stack at the other end of the simulated wire, to a port of the served one.

import { createServer, type Server, type Socket } from 'node:net'
import type { Host } from '../../drivers/index.ts'
import { codeOf } from '../cli/errors.ts'

export interface Bridge {
  /** The port on 127.0.0.1. */
  readonly port: number
  close(): Promise<void>
}

export interface BridgeOptions {
  /** The stack at the other end. */
  from: Host
  address: string
  port: number
  /** The machine's port; 0: any free one. */
  localPort: number
  /** Whether any free port will do when that one is taken. */
  anyPort: boolean
}

/** Rejects with the error of `listen`. */
export async function openBridge(options: BridgeOptions): Promise<Bridge> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (outside) => {
    open.add(outside)
    outside.on('close', () => open.delete(outside))
    carry(outside, options)
  })
  await listen(server, options.localPort).catch((error: unknown) => {
    if (codeOf(error) !== 'EADDRINUSE' || !options.anyPort) throw error
    return listen(server, 0)
  })
  server.on('error', () => {})
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((closed) => server.close(closed))
    },
  }
}

function carry(outside: Socket, { from, address, port }: BridgeOptions): void {
  const inside = from.net.connect({ host: address, port, allowHalfOpen: true, noDelay: true })
  // An end with an error is no orderly end: the other side shall see that too.
  outside.on('error', () => inside.resetAndDestroy())
  inside.on('error', () => outside.resetAndDestroy())
  outside.on('close', () => inside.destroySoon())
  inside.on('close', () => outside.destroySoon())
  outside.pipe(inside)
  inside.pipe(outside)
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((listening, failed) => {
    server.once('error', failed)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', failed)
      listening()
    })
  })
}

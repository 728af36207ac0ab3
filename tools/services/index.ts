// The classic services together, on TCP and UDP.

import { serveChargenTcp, serveChargenUdp } from './chargen.ts'
import { serveDiscardTcp, serveDiscardUdp } from './discard.ts'
import { serveEchoTcp, serveEchoUdp } from './echo.ts'
import type { Service, ServiceSockets } from './sockets.ts'

export type { Service, ServiceSockets } from './sockets.ts'

/** Starts all of them; when one cannot have its port, those that were started are closed again. */
export async function serveClassics(sockets: ServiceSockets): Promise<Service> {
  const starts = [
    serveEchoTcp,
    serveEchoUdp,
    serveDiscardTcp,
    serveDiscardUdp,
    serveChargenTcp,
    (own: ServiceSockets) => serveChargenUdp(own),
  ]
  const running: Service[] = []
  const close = () => {
    for (const service of running) service.close()
  }
  try {
    for (const start of starts) running.push(await start(sockets))
  } catch (error) {
    close()
    throw error
  }
  return { close }
}

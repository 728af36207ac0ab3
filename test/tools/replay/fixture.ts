// Captures for replays, made by our own capture port on a simulated wire: two hosts, 192.0.2.1 and 192.0.2.2, and what they
// say to each other; recorded at the second.

import type { Socket } from 'node:net'
import { createHost, type Host } from '../../../drivers/host/index.ts'
import { createWire, Simulation, type WireOptions } from '../../../drivers/wire/index.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { parseCapture } from '../../../tools/replay/capture-file.ts'
import { type Recording, recordingOf } from '../../../tools/replay/recording.ts'
import { concat } from '../../support/bytes.ts'

export const CLIENT = '192.0.2.1'
export const SERVER = '192.0.2.2'

export interface Scene {
  simulation: Simulation
  client: Host
  server: Host
}

/** The capture of what `act` makes of the two hosts. Time goes on for a second after it. */
export async function record(
  act: (scene: Scene) => Promise<unknown>,
  wireOptions: WireOptions = {},
  snapLength = 0,
): Promise<Uint8Array> {
  const simulation = new Simulation()
  const wire = createWire(simulation, { delay: 500, seed: 3, ...wireOptions })
  const host = (device: 'a' | 'b', address: string, mac: string) =>
    createHost({
      device: wire[device],
      addresses: [`${address}/24`],
      mac,
      environment: { ...simulation.environment, random: simulation.random(device) },
      reactor: simulation,
    })
  const client = await host('a', CLIENT, '02:00:00:00:00:0a')
  const server = await host('b', SERVER, '02:00:00:00:00:0b')
  const parts: Uint8Array[] = []
  const stop = server.capture({ write: (bytes: Uint8Array) => parts.push(bytes) }, { snapLength })
  await simulation.settle(act({ simulation, client, server }))
  await simulation.run({ forMicroseconds: 1_000_000 })
  stop()
  await simulation.settle(Promise.all([client.close(), server.close()]))
  return concat(...parts)
}

export function recording(capture: Uint8Array, host: string): Recording {
  return recordingOf(parseCapture(capture, 'test.pcapng').frames, IpAddress.from(host))
}

export function listening(host: Host, port: number, onSocket: (socket: Socket) => void): Promise<{ close(): unknown }> {
  return new Promise((resolve) => {
    const server = host.net.createServer({ allowHalfOpen: true }, onSocket).listen(port, () => resolve(server))
  })
}

/** Everything that comes on a socket until its end; an error rejects. */
export function collected(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    socket.on('data', (part: Buffer) => parts.push(part))
    socket.on('end', () => resolve(Buffer.concat(parts)))
    socket.on('error', reject)
  })
}

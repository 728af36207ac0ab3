// A folder and the HTTP service over it on Node's own sockets (loopback, port 0), with a client that sends exactly the
// bytes it is told to.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileRoot } from '../../../tools/serve/file-root.ts'
import { createHttpService } from '../../../tools/serve/http-service.ts'
import type { Status } from '../../../tools/serve/status.ts'
import { UploadService } from '../../../tools/serve/upload.ts'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

export interface AskOptions {
  method?: string
  headers?: Record<string, string>
  body?: Buffer
}

export class ServiceFixture {
  readonly folder: string
  readonly server: Server
  readonly port: number

  private constructor(folder: string, server: Server) {
    this.folder = folder
    this.server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** `files` false: nothing is served. The folder holds what `fill` puts there before the service starts. */
  static async start(
    options: { files?: boolean; writable?: boolean; fill?: (folder: string) => void } = {},
  ): Promise<ServiceFixture> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pagewire-serve-')))
    options.fill?.(folder)
    const root = options.files === false ? null : await FileRoot.open(folder)
    const uploads = root && options.writable ? await UploadService.open(root) : null
    const server = createHttpService({ status: () => SAMPLE_STATUS, root, uploads })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    return new ServiceFixture(folder, server)
  }

  ask(path: string, { method = 'GET', headers = {}, body }: AskOptions = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpRequest({ port: this.port, host: '127.0.0.1', path, method, headers, agent: false })
      request.on('error', reject)
      request.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        )
      })
      request.end(body)
    })
  }

  /** A bare connection that has sent `bytes`. */
  raw(bytes: string): Socket {
    const socket = connect(this.port, '127.0.0.1')
    socket.write(bytes)
    return socket
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((closed) => this.server.close(closed))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Everything that a connection receives until its end. */
export function received(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('error', reject)
    socket.on('end', () => resolve(text))
  })
}

export const SAMPLE_STATUS: Status = {
  name: 'pw0',
  version: '0.1.0',
  pid: 4711,
  driver: 'tap',
  checksumEngine: 'native',
  started: '2026-01-02T03:04:05.678Z',
  uptime: 754.2,
  interfaces: [
    {
      name: 'pw0',
      mac: '02:70:77:00:00:02',
      mtu: 1500,
      up: true,
      addresses: ['192.0.2.2/24'],
      features: [
        { name: 'rx-checksumming', state: 'on' },
        { name: 'tx-checksumming', state: 'on' },
        { name: 'scatter-gather', state: 'on' },
        { name: 'tcp-segmentation-offload', state: 'off [requested on]' },
        { name: 'generic-segmentation-offload', state: 'on' },
        { name: 'large-receive-offload', state: 'off [fixed]' },
      ],
    },
  ],
  figures: {
    rxPackets: 41_234,
    rxBytes: 2_812_004,
    txPackets: 741_550,
    txBytes: 1_122_334_455,
    connections: 2,
    copiedBytes: 0,
    summedBytes: 81_920,
    retransmissions: 0,
  },
  counters: { IpInReceives: 41_234, TcpInSegs: 41_201, TcpOutSegs: 741_550, '<script>': 1 },
  nic: {
    rx_packets: 41_234,
    tx_packets: 17_330,
    tx_gso_hw_bytes: 1_000_000_000,
    tx_gso_sw_bytes: 122_334_455,
    tx_csum_hw_bytes: 1_122_334_455,
  },
  connections: [
    {
      state: 'ESTABLISHED',
      local: '192.0.2.2:80',
      remote: '192.0.2.1:40404',
      receiveQueue: 0,
      sendQueue: 1_048_576,
      bytesReceived: 91,
      bytesAcknowledged: 1_121_000_000,
      rtt: 210,
      congestionWindow: 312,
      retransmitted: 0,
    },
  ],
  timeWaits: 3,
  commands: ['ping 192.0.2.2', 'curl http://192.0.2.2/'],
  files: true,
  uploads: false,
}

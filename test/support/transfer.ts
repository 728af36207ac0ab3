// Bulk transfers between two hosts of a simulation: a source that keeps its send buffer full and a sink that reads as it
// comes, both driven by readiness alone; the sink checks every byte against the pattern.

import type { Simulation } from '../../drivers/wire/index.ts'
import { errnoName } from '../../stack/base/errno.ts'
import { IpAddress } from '../../stack/base/ip-address.ts'
import type { Page, PageRef } from '../../stack/buffer/page.ts'
import type { TcpEndpoint, TcpInfo, TcpOptions } from '../../stack/tcp/contract.ts'
import { pattern, patternMismatch } from './pattern.ts'
import { type TestHost, unwrap } from './test-host.ts'

/** Writes `total` bytes of the pattern and closes its direction. */
export class Source {
  written = 0
  /** All is written and the direction closed. */
  finished = false
  readonly total: number
  readonly endpoint: TcpEndpoint
  private static block: Uint8Array = new Uint8Array(0)

  constructor(endpoint: TcpEndpoint, total: number) {
    this.endpoint = endpoint
    this.total = total
    if (Source.block.length < total) Source.block = pattern(0, total)
  }

  /** Writes what fits. Safe to call at any time. */
  pump(): void {
    while (this.written < this.total) {
      const result = this.endpoint.send(Source.block, this.written, this.total - this.written)
      if (result <= 0) return
      this.written += result
    }
    if (this.finished) return
    // -ENOTCONN while it connects: the next readiness brings us back.
    this.finished = this.endpoint.shutdown('write') === 0
  }
}

/** Reads and checks until the end of the stream. */
export class Sink {
  read = 0
  ended = false
  /** Name of the error that ended it. */
  error = ''
  readonly endpoint: TcpEndpoint
  private readonly out: PageRef = { page: null as unknown as Page, offset: 0, length: 0 }

  constructor(endpoint: TcpEndpoint) {
    this.endpoint = endpoint
  }

  pump(): void {
    while (!this.ended) {
      const result = this.endpoint.receive(1 << 20, this.out)
      if (result === 0) this.ended = true
      if (result <= 0) {
        const errno = this.endpoint.takeError()
        if (errno !== 0) {
          this.error = errnoName(errno)
          this.ended = true
        }
        return
      }
      const { page, offset, length } = this.out
      const wrong = patternMismatch(page.bytes.subarray(offset, offset + length), this.read)
      page.release()
      if (wrong >= 0) throw new Error(`the stream is wrong at byte ${wrong}`)
      this.read += result
    }
  }
}

/** Both directions of one connection's end. */
export class Pipe {
  readonly endpoint: TcpEndpoint
  readonly source: Source
  readonly sink: Sink

  constructor(endpoint: TcpEndpoint, total: number) {
    this.endpoint = endpoint
    this.source = new Source(endpoint, total)
    this.sink = new Sink(endpoint)
    endpoint.onReadiness = () => this.pump()
    this.pump()
  }

  pump(): void {
    this.source.pump()
    this.sink.pump()
  }

  /** Everything was written, and the other side's end was read. */
  get done(): boolean {
    return this.sink.ended && this.source.finished
  }
}

export interface TransferOptions {
  /** Bytes from the client to the server, and back. */
  up?: number
  down?: number
  port?: number
  options?: Partial<TcpOptions>
  serverOptions?: Partial<TcpOptions>
  /** The most virtual time, microseconds. */
  limit?: number
}

export interface TransferResult {
  /** Virtual time until both ends have read all, microseconds. */
  time: number
  client: Pipe
  server: Pipe
  /** As the client's connection stood at the end. */
  info: TcpInfo
}

/** Opens a connection from `client` to `server` without running anything. */
export function openTransfer(client: TestHost, server: TestHost, address: string, options: TransferOptions) {
  const { up = 0, down = 0, port = 80 } = options
  const pipes: { client: Pipe; server: Pipe | null } = { client: null as unknown as Pipe, server: null }
  const listener = unwrap(server.stack.tcp.listen({ address: null, port, options: options.serverOptions }))
  listener.onReadiness = () => {
    const endpoint = listener.accept()
    if (endpoint) pipes.server = new Pipe(endpoint, down)
  }
  const endpoint = unwrap(client.stack.tcp.connect(IpAddress.from(address), port, { options: options.options }))
  pipes.client = new Pipe(endpoint, up)
  const isDone = () => pipes.client.done && (pipes.server?.done ?? false)
  return { pipes, listener, isDone }
}

/** Runs a transfer to its end and checks that every byte came. */
export function transfer(
  simulation: Simulation,
  client: TestHost,
  server: TestHost,
  address: string,
  options: TransferOptions,
): TransferResult {
  const { up = 0, down = 0, limit = 3600e6 } = options
  const start = simulation.now
  const { pipes, listener, isDone } = openTransfer(client, server, address, options)
  simulation.runSync({ condition: isDone, forMicroseconds: limit })
  const server_ = pipes.server as Pipe
  const time = simulation.now - start
  const info = pipes.client.endpoint.info()
  for (const [what, has, wants] of [
    ['server read', server_.sink.read, up],
    ['client read', pipes.client.sink.read, down],
  ] as const) {
    if (has !== wants) throw new Error(`${what} ${has} bytes of ${wants}`)
  }
  const errors = [server_.sink.error, pipes.client.sink.error].filter((error) => error !== '')
  if (errors.length > 0) throw new Error(`the transfer ended with ${errors.join(', ')}`)
  pipes.client.endpoint.close()
  server_.endpoint.close()
  listener.close()
  return { time, client: pipes.client, server: server_, info }
}

// The sender: the stack on its TAP, in a process of its own, so that what getrusage(2) says of the process (all threads, also
// those that read files) is the stack's work and the application's, and neither the receiver's nor the lab's. Takes the
// readings at both ends of a transfer itself, as nobody is nearer.

import { open } from 'node:fs/promises'
import { MappedCopy } from '../../drivers/files/index.ts'
import { createHost, type Host, type Socket } from '../../drivers/index.ts'
import { serve } from './channel.ts'
import {
  ADDRESS,
  FILE_FD,
  KERNEL,
  PORT,
  type SenderReady,
  type SendJob,
  type SendResult,
  SOAK_FD,
  TAP,
} from './messages.ts'
import { SENDERS, type Source } from './methods.ts'
import { readSlots } from './soak.ts'

const soakers = Number(process.argv[2])
const path = `/proc/self/fd/${FILE_FD}`
const host = await createHost({ tap: TAP, addresses: [`${ADDRESS}/24`], gateway: KERNEL, log: () => {} })
const handle = await open(path)
const { size } = await handle.stat()
const source: Source = { path, handle, size, mapped: await MappedCopy.open(handle), readBytes: 0, reads: 0 }

// A connection may be there before its job is.
const accepted: Socket[] = []
let onAccepted: (() => void) | null = null
const server = host.net.createServer((socket) => {
  accepted.push(socket)
  onAccepted?.()
})
await new Promise<void>((resolve) => server.listen(PORT, resolve))

const ready: SenderReady = { changeable: host.nic.features.changeable }
serve<SendJob, SendResult>(ready, run)

async function run(job: SendJob): Promise<SendResult> {
  const { sg, tx, tso } = job
  host.nic.features.change({ sg, tx, tso })
  const now = { sg: host.nic.features.get('sg'), tx: host.nic.features.get('tx'), tso: host.nic.features.get('tso') }
  if (now.sg !== sg || now.tx !== tx || now.tso !== tso) throw new Error(`the card has ${JSON.stringify(now)} instead`)
  if (accepted.length === 0) {
    await new Promise<void>((resolve) => {
      onAccepted = resolve
    })
  }
  const socket = accepted.shift() as Socket
  try {
    const result = await transfer(socket, job)
    socket.end()
    return result
  } catch (error) {
    socket.destroy()
    throw error
  }
}

async function transfer(socket: Socket, { method, bytes }: SendJob): Promise<SendResult> {
  const failed = new Promise<never>((_, reject) => socket.on('error', reject))
  // The receiver's one byte: it has read the last of ours.
  const received = new Promise<void>((resolve) => socket.once('data', () => resolve()))
  const before = snapshot(host)
  await Promise.race([failed, Promise.all([SENDERS[method](host, socket, source, bytes), received])])
  return { ...difference(before, snapshot(host)), congestion: socket.info()?.congestion ?? '' }
}

function snapshot(of: Host) {
  const statistics = of.nic.counters.statistics()
  const { checks, cache } = of.files
  return {
    time: performance.now(),
    cpu: process.cpuUsage(),
    soak: soakers > 0 ? readSlots(SOAK_FD, soakers) : null,
    statistics,
    queued: of.counters['TcpPagewireCopiedOut'],
    retransmitted: of.counters['TcpRetransSegs'],
    // fstat for each look at a file, mincore for each page of the cache.
    fileCalls: checks + cache.hits + cache.reloads + source.reads,
    readBytes: source.readBytes,
    mappingBytes: source.mapped.copied,
  }
}

type Snapshot = ReturnType<typeof snapshot>

function difference(a: Snapshot, b: Snapshot): Omit<SendResult, 'congestion'> {
  const of = (name: string) => b.statistics[name] - a.statistics[name]
  return {
    seconds: (b.time - a.time) / 1000,
    user: (b.cpu.user - a.cpu.user) / 1e6,
    system: (b.cpu.system - a.cpu.system) / 1e6,
    soak: a.soak && b.soak ? { before: a.soak, after: b.soak } : null,
    copied: {
      read: b.readBytes - a.readBytes,
      mapping: b.mappingBytes - a.mappingBytes,
      queue: b.queued - a.queued,
      card: of('tx_copied_bytes'),
    },
    summed: of('tx_summed_bytes'),
    frames: of('tx_packets'),
    segments: of('tx_segments'),
    systemCalls: { write: of('tap_writes'), read: of('tap_reads'), file: b.fileCalls - a.fileCalls },
    retransmitted: b.retransmitted - a.retransmitted,
  }
}

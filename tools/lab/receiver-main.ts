// The receiver: a process on the kernel's own TCP, at the other end of the TAP. Reads into one buffer over and over, so that
// it does as little as Node can; what it takes all the same is told apart. Its single byte says that it has read all.

import { createHash } from 'node:crypto'
import net from 'node:net'
import { serve } from './channel.ts'
import { ADDRESS, PORT, type ReceiveJob, type ReceiveResult } from './messages.ts'

const BUFFER = 1024 * 1024
const buffer = Buffer.alloc(BUFFER)

serve<ReceiveJob, ReceiveResult>(null, receive)

function receive({ bytes, hash }: ReceiveJob): Promise<ReceiveResult> {
  return new Promise((resolve, reject) => {
    const digest = hash ? createHash('sha256') : null
    let got = 0
    let before = process.cpuUsage()
    let after = { user: 0, system: 0 }
    const onRead = (length: number, chunk: Uint8Array): boolean => {
      got += length
      digest?.update(chunk.subarray(0, length))
      if (got >= bytes) {
        after = process.cpuUsage(before)
        socket.write('.')
      }
      return true
    }
    const socket = net.connect({ port: PORT, host: ADDRESS, onread: { buffer, callback: onRead } })
    socket.on('connect', () => {
      before = process.cpuUsage()
    })
    socket.on('error', (error) => {
      if (got < bytes) reject(error)
    })
    socket.on('close', () => {
      const { user, system } = after
      resolve({ bytes: got, digest: digest?.digest('hex') ?? null, user: user / 1e6, system: system / 1e6 })
    })
  })
}

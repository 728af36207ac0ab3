// The other end of the control socket: asks one thing of a running stack and hears the answer to its end.

import { connect, type Socket } from 'node:net'
import { CommandError, codeOf, messageOf } from '../cli/errors.ts'
import { encodeMessage, FrameSplitter } from './framing.ts'
import type { Answers, RequestName, Requests } from './messages.ts'

export interface AskListener {
  onEvent?: (event: Record<string, unknown>) => void
  onBytes?: (bytes: Buffer) => void
  /** Stops an answer that has no end of its own: the stack is told, and its last word is still heard. */
  signal?: AbortSignal
}

/** The stack's answer. Rejects with CommandError: nobody there, refused, broken off. */
export function ask<Name extends RequestName>(
  path: string,
  name: Name,
  request: Requests[Name],
  listener: AskListener = {},
): Promise<Answers[Name]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true })
    let settled = false
    const fail = (message: string) => {
      settled = true
      socket.destroy()
      reject(new CommandError(message))
    }
    const splitter = new FrameSplitter({
      onMessage: (message) => {
        if ('error' in message) fail(String(message['error']))
        else if ('end' in message) {
          settled = true
          resolve(message['end'] as Answers[Name])
          socket.end()
        } else listener.onEvent?.(message)
      },
      onBytes: (bytes) => listener.onBytes?.(bytes),
    })
    socket.write(encodeMessage({ request: name, ...request }))
    socket.on('data', (chunk) => {
      const fault = settled ? '' : splitter.push(chunk)
      if (fault !== '') fail(`the running pagewire said something strange: ${fault}`)
    })
    socket.on('end', () => {
      if (!settled) fail('the running pagewire ended')
    })
    socket.on('error', (error) => {
      if (!settled) fail(explain(error, path))
    })
    stopOn(listener.signal, socket)
  })
}

function stopOn(signal: AbortSignal | undefined, socket: Socket): void {
  if (!signal) return
  const stop = () => socket.end()
  signal.addEventListener('abort', stop, { once: true })
  socket.on('close', () => signal.removeEventListener('abort', stop))
  if (signal.aborted) stop()
}

function explain(error: Error, path: string): string {
  const code = codeOf(error)
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return `no pagewire runs behind ${path}`
  if (code === 'EACCES' || code === 'EPERM') return `${path} belongs to another user`
  return messageOf(error)
}

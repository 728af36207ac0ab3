// `pagewire tcpdump -w FILE`: what is on the wire of a running stack, as pcapng, in both directions. It records only; to
// read, give the file to tcpdump -r, tshark or Wireshark. Says on standard error what tcpdump(8) says there.

import { closeSync, openSync, writeSync } from 'node:fs'
import type { Command } from 'commander'
import { CommandError, codeOf, messageOf } from '../cli/errors.ts'
import { catchInterrupt } from '../cli/interrupt.ts'
import { integer } from '../cli/validators.ts'
import { ask } from '../control/client.ts'
import { type RunningOptions, running, withRunning } from './running.ts'

interface TcpdumpOptions extends RunningOptions {
  write: string
  count?: number
  snaplen: number
}

/** The default of tcpdump(8). */
const SNAPLEN = 262_144

export function registerTcpdump(program: Command): void {
  withRunning(
    program
      .command('tcpdump')
      .description('record what is on the wire of a running stack, as tcpdump(8) -w')
      .requiredOption('-w, --write <file>', 'the pcapng file to write; - is standard output')
      .option('-c, --count <number>', 'stop after so many frames (default: on Ctrl-C)', integer(1, 2 ** 40, 100))
      .option('-s, --snaplen <bytes>', 'keep so many bytes of each frame', integer(1, SNAPLEN, 96), SNAPLEN)
      .option('-U, --packet-buffered', 'write each frame at once: the default'),
  ).action((options: TcpdumpOptions) => record(options))
}

async function record(options: TcpdumpOptions): Promise<void> {
  const { path, identity } = await running(options)
  const output = openOutput(options.write)
  const interrupt = catchInterrupt()
  const leave = new AbortController()
  const signal = AbortSignal.any([interrupt.signal, leave.signal])
  let fault: unknown = null
  const onBytes = (bytes: Buffer) => {
    if (fault) return
    try {
      output.write(bytes)
    } catch (error) {
      fault = error
      leave.abort()
    }
  }
  const onEvent = () => {
    const { snaplen } = options
    say(`listening on ${identity.tap}, link-type EN10MB (Ethernet), snapshot length ${snaplen} bytes`)
  }
  try {
    const request = { snaplen: options.snaplen, count: options.count ?? 0 }
    const { captured, dropped } = await ask(path, 'capture', request, { onBytes, onEvent, signal })
    if (fault) throw new CommandError(`${options.write}: ${messageOf(fault)}`)
    summarize(options, captured, dropped)
  } finally {
    interrupt.release()
    output.close()
  }
}

function summarize(options: TcpdumpOptions, captured: number, dropped: number): void {
  if (options.json) {
    const line = `${JSON.stringify({ file: options.write, captured, dropped })}\n`
    if (options.write === '-') process.stderr.write(line)
    else process.stdout.write(line)
    return
  }
  process.stderr.write(
    `${captured} packets captured\n${captured + dropped} packets received by filter\n${dropped} packets dropped by pagewire\n`,
  )
}

function say(text: string): void {
  process.stderr.write(`pagewire tcpdump: ${text}\n`)
}

/** A file or standard output, written at once: a slow disk holds back the reader, and the stack leaves frames out. */
function openOutput(file: string): { write(bytes: Buffer): void; close(): void } {
  if (file === '-') return { write: (bytes) => void process.stdout.write(bytes), close() {} }
  let descriptor: number
  try {
    descriptor = openSync(file, 'w')
  } catch (error) {
    throw new CommandError(`cannot write ${file}: ${codeOf(error) || messageOf(error)}`)
  }
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
    },
    close: () => closeSync(descriptor),
  }
}

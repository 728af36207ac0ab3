// `pagewire bench serve` from its options to its end: attaches to the TAP, serves, and goes when it is told to.

import { createHost, TapError } from '../../drivers/index.ts'
import type { Cidr } from '../../stack/base/ip-address.ts'
import { compileEarly } from '../cli/compile-early.ts'
import { CommandError, messageOf, oneLine, UsageError } from '../cli/errors.ts'
import { catchInterrupt } from '../cli/interrupt.ts'
import { DEFAULT_NICE, setNiceness } from '../cli/priority.ts'
import { answerWatch } from './heap-watch.ts'
import { type ServeOptions, serveBenchmarks } from './serve.ts'

export interface ServeArguments extends ServeOptions {
  tap: string
  address: Cidr
  mac?: string
  mtu?: number
  gsoMaxSize?: number
  busyPoll?: number
  prefetch?: boolean
  vnetHdr: boolean
  control?: boolean
}

/** Serves until SIGINT or SIGTERM. The exit status. Throws CommandError when it cannot, or when the TAP is deleted. */
export async function runServe(given: ServeArguments): Promise<number> {
  const { tap: name, address, mac, mtu, vnetHdr, busyPoll = 0, prefetch = false } = given
  const interrupt = catchInterrupt()
  const tap = { name, vnetHeader: vnetHdr, create: false, prefetch, ...(mtu === undefined ? {} : { mtu }) }
  const host = await createHost({
    tap,
    busyPoll,
    addresses: [`${address.address}/${address.length}`],
    ...(mac === undefined ? {} : { mac }),
  }).catch((error: unknown) => {
    const hint = error instanceof TapError ? `; to mend it: ${error.hint}` : ''
    throw new CommandError(oneLine(`${messageOf(error)}${hint}`))
  })
  try {
    if (given.gsoMaxSize !== undefined && host.nic.setGsoMaxSize(given.gsoMaxSize) !== 0) {
      throw new UsageError(`--gso-max-size: the card takes ${host.nic.tsoMaxSize} bytes at most`)
    }
    await serveBenchmarks(host, given).catch((error: unknown) => {
      throw new CommandError(oneLine(messageOf(error)))
    })
    setNiceness(DEFAULT_NICE)
    compileEarly()
    process.stdout.write(
      `serving on ${name} as ${address.address}: 5001 5002 5003 5004${given.file === undefined ? '' : ' 5011 5012'} 8080 8081\n`,
    )
    if (given.control) answerWatch(process.stdin, (line) => process.stdout.write(line))
    await new Promise<void>((resolve, reject) => {
      interrupt.signal.addEventListener('abort', () => resolve(), { once: true })
      host.once('gone', () => reject(new CommandError(`the TAP ${name} was deleted`)))
      // Whoever gave the lines is gone.
      if (given.control) process.stdin.once('end', resolve)
    })
    return 0
  } finally {
    await host.close()
    interrupt.release()
  }
}

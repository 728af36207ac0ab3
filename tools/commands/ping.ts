// `pagewire ping`: ICMP echo requests from inside a running stack, printed as ping(8) of iputils prints them. Exit status
// 0: something answered, 1: nothing did, 2: it could not be tried.

import type { Command } from 'commander'
import type { IpAddress } from '../../stack/base/ip-address.ts'
import { CommandError } from '../cli/errors.ts'
import { catchInterrupt } from '../cli/interrupt.ts'
import { print, printJson } from '../cli/text.ts'
import { integer, ipAddress, seconds } from '../cli/validators.ts'
import { ask } from '../control/client.ts'
import type { PingEvent } from '../control/messages.ts'
import { PingTally } from './ping-tally.ts'
import { type RunningOptions, running, withRunning } from './running.ts'

interface PingOptions extends RunningOptions {
  count?: number
  interval: number
  size: number
  timeout: number
  ttl?: number
  quiet?: boolean
}

export function registerPing(program: Command, ends: (status: number) => void): void {
  withRunning(
    program
      .command('ping')
      .description('ping a host from inside a running stack, as ping(8)')
      .argument('<address>', 'whom to ping', ipAddress)
      .option('-c, --count <number>', 'stop after so many (default: on Ctrl-C)', integer(1, 2 ** 31, 3))
      .option('-i, --interval <seconds>', 'time from one to the next', seconds(0.0002, 86_400, '0.2'), 1)
      .option('-s, --size <bytes>', 'bytes of data in each', integer(0, 65_507, 56), 56)
      .option('-W, --timeout <seconds>', 'how long to wait for the last answer', seconds(0.001, 86_400, '5'), 10)
      .option('-t, --ttl <hops>', 'time to live', integer(1, 255, 64))
      .option('-q, --quiet', 'only the summary'),
  ).action(async (address: IpAddress, options: PingOptions) => ends(await ping(address.toString(), options)))
}

async function ping(address: string, options: PingOptions): Promise<number> {
  const { path } = await chosen(options)
  const interrupt = catchInterrupt()
  const tally = new PingTally(address, options.size)
  if (!options.json) print(tally.head())
  const onEvent = (message: Record<string, unknown>) => {
    const line = tally.add(message as PingEvent)
    if (options.json && message['ping'] !== 'sent') printJson(message)
    else if (!options.json && !options.quiet && line !== '') print(line)
  }
  const request = {
    address,
    count: options.count ?? 0,
    interval: options.interval,
    timeout: options.timeout,
    size: options.size,
    ttl: options.ttl ?? 0,
  }
  try {
    await ask(path, 'ping', request, { onEvent, signal: interrupt.signal })
  } catch (error) {
    throw new CommandError((error as Error).message, 2)
  } finally {
    interrupt.release()
  }
  if (options.json) printJson(tally.summary())
  else print(tally.foot())
  return tally.received > 0 ? 0 : 1
}

/** As `running`, with the status that ping has for what cannot be tried. */
async function chosen(options: PingOptions) {
  try {
    return await running(options)
  } catch (error) {
    throw new CommandError((error as Error).message, 2)
  }
}

// A client process: the kernel's sockets, told what to do by the soak. Ends when the soak is gone.

import { Agent } from 'node:http'
import type { Socket } from 'node:net'
import { codeOf, messageOf } from '../cli/errors.ts'
import { serve } from '../lab/channel.ts'
import { Content, patternBlock } from './content.ts'
import { Holders, opened } from './holders.ts'
import { type ClientQuestion, ECHO_PORT, emptyTally, type Tally, type VisitTally } from './messages.ts'
import { perform } from './operations.ts'
import { inParallel, quantiles } from './parallel.ts'
import { Schedule } from './plan.ts'

const MOST_TROUBLES = 5
const MOST_TIMES = 200_000
/** Visits at a time. */
const LANES = 4
/** When a SYN that nobody answers goes again (RFC 6298 2.1), milliseconds. */
const FIRST_REPEAT = 1000

const content = new Content(patternBlock(process.argv[2]))
const holders = new Holders()

async function traffic({
  seed,
  seconds,
  count,
  parallel,
  mostBytes,
  limit,
  tolerate,
}: Extract<ClientQuestion, { kind: 'traffic' }>): Promise<Tally> {
  const tally = emptyTally()
  const times: number[] = []
  const agent = new Agent({ keepAlive: true })
  const schedule = new Schedule(seed, mostBytes)
  const until = performance.now() + seconds * 1000
  let left = count
  const lane = async () => {
    while (left > 0 && performance.now() < until) {
      left--
      const operation = schedule.next()
      const begun = performance.now()
      try {
        tally.bytes += await perform(operation, { content, agent, limit })
        tally.done++
        tally.by[operation.name] = (tally.by[operation.name] ?? 0) + 1
        if (times.length < MOST_TIMES) times.push(performance.now() - begun)
      } catch (error) {
        if (tolerate.includes(messageOf(error))) {
          tally.tolerated++
          await new Promise((resolve) => setTimeout(resolve, 50))
          continue
        }
        tally.failed++
        if (tally.troubles.length >= MOST_TROUBLES) continue
        tally.troubles.push(`${operation.name} of ${operation.bytes} bytes: ${messageOf(error)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, lane))
  agent.destroy()
  return { ...tally, ...quantiles(times) }
}

/** As a person's browser would: one connection after the other, each with a time limit, within which the kernel repeats SYNs. */
async function honest({
  seconds,
  limit,
  addresses = [],
}: Extract<ClientQuestion, { kind: 'honest' }>): Promise<VisitTally> {
  let visits = 0
  const tally = { ...emptyTally(), atOnce: 0 }
  const times: number[] = []
  const until = performance.now() + seconds * 1000
  await inParallel(LANES, LANES, async () => {
    while (performance.now() < until) {
      const begun = performance.now()
      try {
        if ((await visit(limit, addresses[visits++ % addresses.length])) < FIRST_REPEAT) tally.atOnce++
        tally.done++
        times.push(performance.now() - begun)
      } catch (error) {
        tally.failed++
        if (tally.troubles.length < MOST_TROUBLES) tally.troubles.push(codeOf(error) || messageOf(error))
      }
      // An honest client is no flood itself.
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })
  return { ...tally, ...quantiles(times) }
}

/** Resolves with how long it took to connect, milliseconds. */
async function visit(limit: number, localAddress: string | undefined): Promise<number> {
  const begun = performance.now()
  const socket: Socket = await opened(ECHO_PORT, localAddress ? { localAddress } : {}, limit)
  const connected = performance.now() - begun
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error('no answer')), limit)
    let answer = ''
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      if (answer === 'honest') socket.end()
    })
    socket.on('close', () => {
      clearTimeout(timer)
      if (answer === 'honest') resolve()
      else reject(new Error(`the answer was '${answer}'`))
    })
    socket.write('honest')
  })
  return connected
}

serve(process.pid, async (question: ClientQuestion) => {
  switch (question.kind) {
    case 'open':
      return await holders.open(question.count, question.address, question.atOnce)
    case 'probe':
      return await holders.probe(question.atOnce)
    case 'close':
      return await holders.close()
    case 'traffic':
      return await traffic(question)
    case 'stall':
      return await holders.stall(content, question.readers, question.writers, question.bytes)
    case 'read-on':
      return await holders.readOn()
    case 'honest':
      return await honest(question)
    case 'hang':
      return await holders.hang(question.count, question.address, question.bytes)
  }
})

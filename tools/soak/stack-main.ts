// The process that holds the stack: on a TAP of its own, with the fault injector around it where the phase wants one.
// Serves what the clients ask for and says how it is. Ends when the soak is gone, and the TAP with it.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { NativeChecksum } from '../../drivers/checksum-native.ts'
import { hostClock } from '../../drivers/host/clock.ts'
import { NodeReactor } from '../../drivers/host/reactor.ts'
import {
  configureInterface,
  createHost,
  faultInjector,
  type Host,
  openTap,
  seededRandom,
  type TapPort,
} from '../../drivers/index.ts'
import { NativeTimer } from '../../drivers/tap/index.ts'
import { compileEarly } from '../cli/compile-early.ts'
import { DEFAULT_NICE, setNiceness } from '../cli/priority.ts'
import { serve } from '../lab/channel.ts'
import { KERNEL, PREFIX, type Sample, STACK, type StackQuestion, type StackSetup, TAP } from './messages.ts'
import { Services } from './services.ts'

const started = performance.now()

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let host: Host
let port: TapPort
let services: Services

async function open(setup: StackSetup): Promise<Sample> {
  const reactor = new NodeReactor(hostClock, () => new NativeTimer())
  port = openTap({ name: TAP, ...setup.tap })
  configureInterface(TAP, { address: `${KERNEL}/${PREFIX}`, up: true })
  const device = setup.faults
    ? faultInjector(port, {
        ...setup.faults,
        random: seededRandom(setup.seed),
        reactor,
        limit: 4000,
        engine: new NativeChecksum(),
      })
    : port
  host = await createHost({
    device,
    reactor,
    addresses: [`${STACK}/${PREFIX}`],
    gateway: KERNEL,
    ...(setup.tcp ? { tcp: setup.tcp } : {}),
    ...(setup.limits ? { limits: setup.limits } : {}),
  })
  services = new Services(host, setup.seed)
  await services.listen()
  setNiceness(DEFAULT_NICE)
  compileEarly()
  return settle()
}

function sample(): Sample {
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  const { frames, transmitPages } = host.leaks()
  const { tcp } = host.stack
  let endpoints = 0
  for (const _ of tcp.endpoints()) endpoints++
  return {
    at: (performance.now() - started) / 1000,
    rss,
    heap: heapUsed,
    external,
    cpu: (user + system) / 1e6,
    frames,
    transmitPages,
    receivePages: port.outstandingPages,
    endpoints,
    timeWaits: tcp.timeWaits,
    sockets: services.sockets,
    counters: host.counters,
    card: { ...host.nic.statistics() },
    errors: { ...services.errors },
    wrong: [...services.wrong],
  }
}

async function settle(): Promise<Sample> {
  for (let i = 0; i < 3; i++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return sample()
}

serve('stack', async (question: StackQuestion) => {
  switch (question.kind) {
    case 'open':
      return await open(question.setup)
    case 'sample':
      return sample()
    case 'settle':
      return await settle()
    case 'listen-up':
      services.listenUp()
      return sample()
  }
})

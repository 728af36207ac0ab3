// Brings up the stack that is served: on a TAP, or at one end of a simulated wire whose other end is bridged to a loopback
// port of the machine. Owns what must be closed with it; knows nothing of what is served.

import { randomBytes } from 'node:crypto'
import { createHost, createWire, type Host, type HostOptions, interfaceInfo, type Log } from '../../drivers/index.ts'
import { PASSIVE_PORTS, type PortRange } from '../ftp/ftp-server.ts'
import { type Bridge, openBridge } from './bridge.ts'
import { DEFAULT_BRIDGE_PORT, formatCidr, type UpOptions } from './options.ts'
import { openPassiveBridges } from './passive-bridges.ts'
import { RealTimeSimulation } from './real-time.ts'

export interface OpenStack {
  readonly host: Host
  /** As the status shows it. */
  readonly driver: string
  readonly checksumEngine: 'native' | 'typescript'
  /** Leads from the machine's loopback to the served port; null on a TAP. */
  readonly bridge: Bridge | null
  /** Where FTP's clients can come to. */
  readonly passivePorts: PortRange
  /** For captures, when the stack's clock is not the machine's. Microseconds. */
  readonly epochOffset: number | undefined
  close(): Promise<void>
}

/** Milliseconds that connections get for their last bytes when the stack is stopped. */
const LAST_BYTES = 1000

/** Throws TapError when a TAP cannot be had. */
export async function openOnTap(options: UpOptions, log: Log): Promise<OpenStack> {
  const { mtu, vnetHdr, busyPoll = 0, prefetch = false } = options
  const host = await createHost({
    ...common(options),
    busyPoll,
    tap: { name: options.tap, vnetHeader: vnetHdr, prefetch, ...(mtu === undefined ? {} : { mtu }) },
    kernel: formatCidr(options.kernel),
    log,
  })
  warnOfKernelEnd(options, log)
  return {
    host,
    checksumEngine: 'native',
    driver: vnetHdr ? 'TAP with vnet header' : 'TAP without vnet header',
    bridge: null,
    passivePorts: PASSIVE_PORTS,
    epochOffset: undefined,
    close: () => host.close({ timeout: LAST_BYTES }),
  }
}

/** A TAP that was there before is left as it is: it may lack an address, or be down. */
function warnOfKernelEnd({ tap, kernel }: UpOptions, log: Log): void {
  const info = interfaceInfo(tap)
  if (!info) return
  const lines: string[] = []
  if (!info.addresses.includes(formatCidr(kernel))) lines.push(`ip addr add ${formatCidr(kernel)} dev ${tap}`)
  if (!info.up) lines.push(`ip link set ${tap} up`)
  if (lines.length > 0)
    log('warn', `${tap} was there before, and its kernel's end is not ready; as root: ${lines.join('; ')}`)
}

/** Rejects with the error of `listen` when the machine's port is taken. */
export async function openOnWire(options: UpOptions, log: Log): Promise<OpenStack> {
  const simulation = new RealTimeSimulation({ seed: randomBytes(16).toString('hex'), log })
  const wire = createWire(simulation, {
    a: { name: options.tap },
    b: { name: 'wire1' },
    mtu: options.mtu ?? 1500,
    offload: options.vnetHdr,
  })
  const drive = { reactor: simulation, environment: simulation.environment }
  const host = await createHost({ ...common(options), ...drive, device: wire.a })
  const other = await createHost({ ...drive, device: wire.b, addresses: [formatCidr(options.kernel)] })
  const closeStacks = async () => {
    // One after the other: the last FIN of each still finds somebody who acknowledges it.
    await other.close({ timeout: LAST_BYTES })
    await host.close({ timeout: LAST_BYTES })
    wire.close()
    simulation.stop()
  }
  const bridges: Bridge[] = []
  let passivePorts = PASSIVE_PORTS
  const closeBridges = () => Promise.all(bridges.map((bridge) => bridge.close()))
  try {
    const address = options.address.address.toString()
    const bridge = await openBridge({
      from: other,
      address,
      port: options.port,
      localPort: options.bridgePort ?? DEFAULT_BRIDGE_PORT,
      anyPort: options.bridgePort === undefined,
    })
    bridges.push(bridge)
    // A client of FTP comes to the ports that it is told, and those are the stack's.
    if (options.command === 'ftpd') {
      const passive = await openPassiveBridges(other, address)
      bridges.push(...passive.bridges)
      passivePorts = passive.range
    }
    return {
      host,
      driver: 'simulated wire',
      passivePorts,
      checksumEngine: 'typescript',
      bridge,
      epochOffset: simulation.epochOffset,
      close: async () => {
        await closeBridges()
        await closeStacks()
      },
    }
  } catch (error) {
    await closeBridges()
    await closeStacks()
    throw error
  }
}

function common(options: UpOptions): HostOptions & { addresses: string[] } {
  return {
    addresses: [formatCidr(options.address)],
    gateway: options.kernel.address.toString(),
    ...(options.mac === undefined ? {} : { mac: options.mac }),
  }
}

// What `pagewire up` or `pagewire ftpd` was asked for, checked: the options of the command line with their defaults filled in.

import { type Cidr, IpAddress } from '../../stack/base/ip-address.ts'
import { UsageError } from '../cli/errors.ts'
import { FTP_PORT } from '../ftp/ftp-server.ts'

/** What the options of both commands say: where the stack is, and which folder. */
export interface StageArguments {
  tap: string
  address: Cidr
  kernel?: Cidr
  mac?: string
  mtu?: number
  features?: Record<string, boolean>
  gsoMaxSize?: number
  vnetHdr: boolean
  driver?: 'tap' | 'wire'
  netns?: string
  root?: string
  writable?: boolean
  port: number
  bridgePort?: number
  busyPoll?: number
  nice?: number
  prefetch?: boolean
  json?: boolean
}

/** As commander gives them to `up`. */
export interface UpArguments extends StageArguments {
  services: boolean
  ftp: boolean
}

export interface UpOptions extends UpArguments {
  kernel: Cidr
  /** The command's name. */
  command: 'up' | 'ftpd'
  /** Null: no FTP. For `ftpd`, which has no HTTP, the same as `port`. */
  ftpPort: number | null
}

export const DEFAULT_TAP = 'pw0'
export const DEFAULT_ADDRESS = '192.0.2.2/24'
export const DEFAULT_PORT = 80
export const DEFAULT_BRIDGE_PORT = 8080

/** The ports of the classic services. */
const CLASSIC_PORTS = [7, 9, 19]

/** Throws UsageError for options that contradict each other. */
export function completeOptions(given: UpArguments): UpOptions {
  const { port, services } = given
  const ftpPort = given.ftp && given.root !== undefined ? FTP_PORT : null
  if (services && CLASSIC_PORTS.includes(port)) {
    throw new UsageError(`--port ${port} is taken by a classic service; take another or add --no-services`)
  }
  if (port === ftpPort) throw new UsageError(`--port ${port} is taken by FTP; take another or add --no-ftp`)
  return { ...given, kernel: checkStage(given), command: 'up', ftpPort }
}

/** The same for `ftpd`. */
export function completeFtpOptions(given: StageArguments): UpOptions {
  const { root, port } = given
  if (root === undefined) throw new UsageError('there is no folder to serve; add --root DIR, as --root .')
  return { ...given, kernel: checkStage(given), command: 'ftpd', services: false, ftp: true, ftpPort: port }
}

/** The kernel's end. Throws UsageError for options that contradict each other. */
function checkStage(given: StageArguments): Cidr {
  const { address } = given
  if (given.writable && given.root === undefined) {
    throw new UsageError('--writable needs a folder to write to; add --root DIR')
  }
  if (given.netns !== undefined && given.driver === 'wire') {
    throw new UsageError('--netns needs a TAP; leave out --driver wire or --netns')
  }
  const kernel = given.kernel ?? defaultKernel(address)
  if (kernel.address.equals(address.address)) {
    throw new UsageError(`--kernel and --address are the same address ${address.address}; give the kernel another one`)
  }
  if (kernel.length !== address.length || !kernel.address.matches(address.address, address.length)) {
    throw new UsageError(
      `--kernel ${formatCidr(kernel)} is not in the network of --address ${formatCidr(address)}; try --kernel ${formatCidr(defaultKernel(address))}`,
    )
  }
  return kernel
}

export function formatCidr({ address, length }: Cidr): string {
  return `${address}/${length}`
}

/** The first address of the network, or the second when the stack has the first. */
function defaultKernel({ address, length }: Cidr): Cidr {
  const first = IpAddress.v4(address.masked(length).d + 1)
  return { address: first.equals(address) ? IpAddress.v4(first.d + 1) : first, length }
}

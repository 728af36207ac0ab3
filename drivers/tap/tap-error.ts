// What can be missing for a TAP, each with a clear message and the line that mends it. Cold path: thrown by openTap and
// configureInterface only.

import { userInfo } from 'node:os'
import { EACCES, EBUSY, EINVAL, ENODEV, ENXIO, EPERM, errnoName } from '../../stack/base/errno.ts'

const ENOENT = 2

/**
 * - ENOADDON: the addon is not built. ENODEVICE: no /dev/net/tun, or no driver behind it. EPERM: no permission.
 * - EBUSY: another process has the TAP. EEXIST: the name belongs to another kind of interface. ENOENT: no such interface.
 * - EADDRINUSE: the address or its network is on another interface. EVNETHDR: the kernel gives no vnet header.
 * - EINVAL: a bad name, address or setting. Anything else: the errno's name.
 */
export class TapError extends Error {
  override readonly name = 'TapError'
  readonly code: string
  /** How to mend it: a sentence or a command. */
  readonly hint: string

  constructor(code: string, message: string, hint: string) {
    super(message)
    this.code = code
    this.hint = hint
  }
}

/** The line that root types so that this user may attach to a TAP without root. */
export function makeTapLine(name: string): string {
  return `sudo ip tuntap add ${name} mode tap user ${userName()} vnet_hdr`
}

/** The device node could not be opened. `errno` is negative. */
export function deviceNodeError(path: string, name: string, errno: number): TapError {
  switch (-errno) {
    case ENOENT:
      return new TapError(
        'ENODEVICE',
        `there is no device node ${path}`,
        `sudo modprobe tun; sudo mkdir -p /dev/net; sudo mknod ${path} c 10 200 (in a container: --device ${path} --cap-add NET_ADMIN)`,
      )
    case ENODEV:
    case ENXIO:
      return new TapError('ENODEVICE', `the kernel has no TUN/TAP driver behind ${path}`, 'sudo modprobe tun')
    case EACCES:
    case EPERM:
      return new TapError(
        'EPERM',
        `no permission to open ${path}`,
        `run as root; or, as root once: chmod 666 ${path} and ${makeTapLine(name)}`,
      )
    default:
      return new TapError(errnoName(errno), `cannot open ${path}: ${errnoName(errno)}`, 'see tun(4) of your system')
  }
}

/** TUNSETIFF failed. `exists`: an interface of that name was there before. */
export function attachError(name: string, errno: number, exists: boolean): TapError {
  switch (-errno) {
    case EPERM:
    case EACCES:
      return new TapError(
        'EPERM',
        exists ? `no permission to attach to ${name}: it belongs to another user` : `no permission to create ${name}`,
        exists
          ? `sudo ip tuntap del ${name} mode tap; ${makeTapLine(name)}`
          : `run as root, or have root make it for you: ${makeTapLine(name)}`,
      )
    case EBUSY:
      return new TapError(
        'EBUSY',
        `${name} is in use by another process`,
        `find it with: sudo fuser -v /dev/net/tun; or take another name`,
      )
    case EINVAL:
      if (!exists) break
      return new TapError(
        'EEXIST',
        `${name} is taken: an interface of that name exists and is no TAP that can be attached to`,
        `take another name; ip -d link show ${name} says what it is (a TAP made with multi_queue must be made without)`,
      )
  }
  return new TapError(errnoName(errno), `cannot attach to ${name}: ${errnoName(errno)}`, `see: ip -d link show ${name}`)
}

/** A setting of the kernel's interface failed. `what` as in "set the MTU to 9000". */
export function interfaceError(name: string, what: string, errno: number): TapError {
  switch (-errno) {
    case EPERM:
    case EACCES:
      return new TapError('EPERM', `no permission to ${what} on ${name}`, 'run as root, or have root do it with ip(8)')
    case ENODEV:
      return new TapError('ENOENT', `there is no interface ${name}`, 'ip link shows those that are there')
    case EINVAL:
      return new TapError('EINVAL', `the kernel refuses to ${what} on ${name}`, 'give another value')
    default:
      return new TapError(
        errnoName(errno),
        `cannot ${what} on ${name}: ${errnoName(errno)}`,
        `see: ip -d link show ${name}`,
      )
  }
}

/** Throws TapError EINVAL for what the kernel does not take as an interface's name (dev_valid_name, and no templates). */
export function checkInterfaceName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  const bad = name === '.' || name === '..' || /[/:%\s\u0000-\u001f\u007f]/.test(name)
  if (typeof name === 'string' && !bad && name.length > 0 && Buffer.byteLength(name) <= 15) return
  throw new TapError(
    'EINVAL',
    `${JSON.stringify(name)} is no name for an interface`,
    'take 1 to 15 bytes without spaces, "/", ":" and "%"',
  )
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'USER')
  }
}

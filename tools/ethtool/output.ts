// What a call of `ethtool` comes to.

import { errnoName } from '../../stack/base/errno.ts'

export interface Output {
  status: number
  stdout: string
  stderr: string
}

export function said(stdout: string): Output {
  return { status: 0, stdout, stderr: '' }
}

/** Ends with a status and these lines on standard error. */
export function trouble(status: number, ...lines: string[]): Output {
  return { status, stdout: '', stderr: `${lines.join('\n')}\n` }
}

/** As the kernel's netlink answers, in the words of the real program. */
export function noSuchDevice(status: number): Output {
  return trouble(status, 'netlink error: no device matches name (offset 24)', 'netlink error: No such device')
}

export function notSupported(status: number): Output {
  return trouble(status, 'netlink error: Operation not supported')
}

/** What a card answered, a positive errno. */
export function netlinkError(status: number, errno: number): Output {
  return trouble(status, `netlink error: ${ERRORS[errnoName(errno)] ?? errnoName(errno)}`)
}

/** strerror(3) of what a card answers. */
const ERRORS: Readonly<Record<string, string>> = {
  EINVAL: 'Invalid argument',
  EBUSY: 'Device or resource busy',
  ENODEV: 'No such device',
  EOPNOTSUPP: 'Operation not supported',
}

/** Bytes that an attribute with a string in it takes in a netlink message. */
export function attributeBytes(text: string): number {
  return (4 + text.length + 1 + 3) & ~3
}

/** Where the first attribute behind the device's name stands in a netlink message of ethtool. */
export function firstOffset(device: string): number {
  return 24 + attributeBytes(device)
}

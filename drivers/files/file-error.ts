// Errors about files in Node's shape: code, negative errno, syscall.

import { EFAULT, ESTALE, errnoName } from '../../stack/base/errno.ts'

/** `open EINVAL`. `errno` may have either sign. */
export function fileError(syscall: string, errno: number, text?: string): NodeJS.ErrnoException {
  const name = errnoName(errno)
  const error: NodeJS.ErrnoException = new Error(text ? `${syscall} ${name}: ${text}` : `${syscall} ${name}`)
  error.errno = -Math.abs(errno)
  error.code = name
  error.syscall = syscall
  return error
}

/** A file changed or became shorter while it was sent. */
export function changedError(): NodeJS.ErrnoException {
  return fileError('sendFile', ESTALE, 'the file changed while it was sent')
}

/** Why a page could not be loaded: past the end of a file that became shorter, or what the disk said. */
export function loadError(errno: number): NodeJS.ErrnoException {
  return errno === EFAULT ? changedError() : fileError('sendFile', errno)
}

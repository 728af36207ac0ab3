// Files of the lab. Those that it makes lose their names at once: whatever happens, nothing is left.

import { createHash, randomFillSync, randomUUID } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommandError, messageOf } from '../cli/errors.ts'
import { stretches } from './methods.ts'

/** Larger than the caches of most processors, small enough for any machine. */
const SIZE = 128 * 1024 * 1024
const BLOCK = 4 * 1024 * 1024

/** An empty file without a name. */
export function namelessFile(): number {
  const path = join(tmpdir(), `pagewire-lab-${randomUUID()}`)
  try {
    const fd = openSync(path, 'wx+', 0o600)
    unlinkSync(path)
    return fd
  } catch (error) {
    throw new CommandError(`no file can be made in ${tmpdir()}: ${messageOf(error)}; set TMPDIR to another folder`)
  }
}

/** What is sent: the file named, or random bytes. */
export function openLabFile(path: string | undefined, size = SIZE): number {
  if (path !== undefined) return openSync(path, 'r')
  const fd = namelessFile()
  const block = Buffer.alloc(Math.min(BLOCK, size))
  try {
    for (let left = size; left > 0; left -= block.length) {
      writeSync(fd, randomFillSync(block).subarray(0, Math.min(left, block.length)))
    }
    return fd
  } catch (error) {
    closeSync(fd)
    throw new CommandError(
      `no room for a file of ${size >> 20} MiB in ${tmpdir()}: ${messageOf(error)}; set TMPDIR, or give --file`,
    )
  }
}

/** SHA-256 of the first `bytes` bytes of the file said over and over. */
export function digestOf(fd: number, bytes: number): string {
  const { size } = fstatSync(fd)
  const hash = createHash('sha256')
  const block = Buffer.alloc(BLOCK)
  for (const [offset, length] of stretches(size, bytes, BLOCK)) {
    const n = readSync(fd, block, 0, length, offset)
    if (n !== length) throw new CommandError('the file became shorter while it was read')
    hash.update(block.subarray(0, n))
  }
  return hash.digest('hex')
}

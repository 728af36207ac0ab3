// Where control sockets go: that the folder is ours alone or refused, and how the name keeps stacks apart.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  DIRECTORY_VARIABLE,
  listSockets,
  networkNamespace,
  runtimeDirectory,
  socketPath,
} from '../../../tools/control/places.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pagewire-places-'))
  vi.stubEnv(DIRECTORY_VARIABLE, '')
  vi.stubEnv('XDG_RUNTIME_DIR', folder)
  vi.stubEnv('TMPDIR', folder)
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

it('makes a folder of mode 0700 under the run-time directory', () => {
  const directory = runtimeDirectory()
  expect(directory).toBe(join(folder, 'pagewire'))
  expect(statSync(directory).mode & 0o777).toBe(0o700)
  expect(runtimeDirectory()).toBe(directory)
})

it.each<[string, (path: string) => void]>([
  ['open to others', (path) => mkdirSync(path) === undefined && chmodSync(path, 0o755)],
  ['a symbolic link', (path) => symlinkSync(tmpdir(), path)],
  ['a file', (path) => writeFileSync(path, '')],
])('does not trust a folder that is %s', (_, spoil) => {
  spoil(join(folder, 'pagewire'))
  expect(runtimeDirectory()).not.toBe(join(folder, 'pagewire'))
})

it('names the socket by card and network namespace', () => {
  expect(socketPath('pw0')).toBe(join(folder, 'pagewire', `pw0.${networkNamespace()}.sock`))
  expect(networkNamespace()).toMatch(/^\d+$/)
})

it('says what to do when the path would be too long for a socket', () => {
  expect(() => socketPath('pw0', `/${'x'.repeat(120)}`)).toThrow(/XDG_RUNTIME_DIR/)
})

it('lists sockets, and only from folders of our own', () => {
  const directory = runtimeDirectory()
  writeFileSync(join(directory, 'pw0.1.sock'), '')
  writeFileSync(join(directory, 'other'), '')
  expect(listSockets()).toContain(join(directory, 'pw0.1.sock'))
  expect(listSockets()).not.toContain(join(directory, 'other'))
  chmodSync(directory, 0o777)
  expect(listSockets()).not.toContain(join(directory, 'pw0.1.sock'))
})

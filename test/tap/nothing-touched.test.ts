// The counters of copied and summed payload, held to the machine: a build of the addon whose payload pages have no access
// except between entering and leaving the system call that sends them. What the counters call untouched goes through in
// it; whatever touches payload, by a routine that counts or by any other, ends the process. Each touch that is shown to
// end it is also run without the guard, where it goes through and is counted.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { guardedAddon } from '../native/guarded-addon.ts'
import { collect, makeFile, Namespace, removeFolder, temporaryFolder } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const SIZE = (9 << 20) + 12_345
const READ_STORE_PAGE = 256 << 10
const TOUCHED = 'pagewire: guarded payload was touched outside of a system call\n'

interface Transfer {
  source: 'mapped' | 'read' | 'memory' | 'http'
  features?: Record<string, boolean>
  /** The chance of a frame to be lost on its way to the kernel. */
  loss?: number
  touch?: 'capture' | 'javascript'
}

/** What guarded-sender.mjs prints. */
interface Result {
  digest: string
  start: number
  sent: number
  guardedBytes: number
  copiedOut: number
  copied: number
  summed: number
  captured: number
  retransmitted: number
  leaks: unknown
}

describeOnTap('payload under guard', ['ip', 'g++', 'make', 'python3'], () => {
  let folder: string
  let path: string
  let addon: string
  let namespace: Namespace

  beforeAll(() => {
    addon = guardedAddon()
    folder = temporaryFolder()
    path = join(folder, 'file.bin')
    makeFile(path, SIZE)
    namespace = new Namespace()
  }, 180_000)

  afterAll(() => {
    namespace.remove()
    removeFolder(folder)
  })

  async function run(transfer: Transfer, guard: boolean): Promise<{ signal: string | null; out: string; err: string }> {
    const { source, features = {}, loss = 0, touch } = transfer
    const asked = JSON.stringify({ addon: guard ? addon : null, source, path, features, loss, touch })
    // A process that dies as it should leaves no core behind.
    const command = ['-c', 'ulimit -c 0; exec "$0" "$@"', process.execPath, 'test/tap/guarded-sender.mjs', asked]
    const child = namespace.spawn('sh', command)
    const { stdout, stderr } = await collect(child)
    return { signal: child.signalCode, out: stdout, err: stderr }
  }

  /** Runs it to its end, and checks that every byte came. */
  async function complete(transfer: Transfer, guard: boolean): Promise<Result> {
    const { signal, out, err } = await run(transfer, guard)
    expect({ signal, err }).toEqual({ signal: null, err: '' })
    const result = JSON.parse(out) as Result
    const { start, sent, digest, leaks } = result
    if (transfer.source !== 'memory') expect(sent).toBe(SIZE)
    const expected = readFileSync(path).subarray(start, start + sent)
    expect(digest).toBe(createHash('sha256').update(expected).digest('hex'))
    expect(leaks).toEqual({ frames: 0, transmitPages: 0 })
    return result
  }

  describe('goes through, as nobody touches it,', () => {
    it.each<Transfer>([
      { source: 'mapped' },
      { source: 'mapped', features: { tso: false } },
      { source: 'mapped', features: { tso: false, gso: false } },
      { source: 'read' },
      { source: 'memory' },
    ])('%o', async (transfer: Transfer) => {
      const { copiedOut, copied, summed, guardedBytes } = await complete(transfer, true)
      expect({ copiedOut, copied, summed }).toEqual({ copiedOut: 0, copied: 0, summed: 0 })
      // Memory that is not mapped lies anywhere: its first and last bytes may share the machine's pages with other memory.
      const stretches = { mapped: 0, read: Math.ceil(SIZE / READ_STORE_PAGE), memory: 1, http: 0 }[transfer.source]
      const unguarded = stretches * 2 * Number(execFileSync('getconf', ['PAGESIZE']))
      expect(guardedBytes).toBeGreaterThanOrEqual(SIZE - unguarded)
    })

    it('by http, where only the header is copied', async () => {
      const { copiedOut, copied, summed, guardedBytes } = await complete({ source: 'http' }, true)
      expect(copiedOut).toBeGreaterThan(0)
      expect(copiedOut).toBeLessThan(1000)
      expect({ copied, summed }).toEqual({ copied: 0, summed: 0 })
      expect(guardedBytes).toBeGreaterThanOrEqual(SIZE)
    })

    it.each<Transfer>([
      { source: 'mapped', loss: 0.1 },
      { source: 'mapped', loss: 0.02, features: { tso: false } },
      { source: 'read', loss: 0.1 },
      { source: 'memory', loss: 0.1 },
    ])('when parts of it are lost and sent again: %o', async (transfer: Transfer) => {
      const { copiedOut, copied, summed, retransmitted } = await complete(transfer, true)
      expect({ copiedOut, copied, summed }).toEqual({ copiedOut: 0, copied: 0, summed: 0 })
      expect(retransmitted).toBeGreaterThan(0)
    })
  })

  describe('ends the process that touches it, which is counted,', () => {
    it.each<Transfer>([
      { source: 'mapped', features: { tx: false } },
      { source: 'mapped', features: { sg: false } },
      { source: 'mapped', features: { tx: false, sg: false } },
      { source: 'mapped', touch: 'capture' },
      { source: 'read', features: { tx: false } },
      { source: 'read', features: { sg: false } },
      { source: 'memory', features: { tx: false } },
      { source: 'memory', features: { sg: false } },
      { source: 'memory', touch: 'capture' },
    ])('%o', async (transfer: Transfer) => {
      expect(await run(transfer, true)).toEqual({ signal: 'SIGSEGV', out: '', err: TOUCHED })
      const { sent, copiedOut, copied, summed, captured } = await complete(transfer, false)
      const { features, touch } = transfer
      expect(copiedOut).toBe(0)
      const touched = { copied: copied >= sent, summed: summed >= sent, captured: captured >= sent }
      expect(touched).toEqual({
        copied: features?.['sg'] === false,
        summed: features?.['tx'] === false,
        captured: touch === 'capture',
      })
      if (!touched.copied) expect(copied).toBe(0)
      if (!touched.summed) expect(summed).toBe(0)
      if (!touched.captured) expect(captured).toBe(0)
    })

    it('or is not, where an application reads its own', async () => {
      const end = await run({ source: 'memory', touch: 'javascript' }, true)
      expect(end).toEqual({ signal: 'SIGSEGV', out: '', err: TOUCHED })
    })
  })
})

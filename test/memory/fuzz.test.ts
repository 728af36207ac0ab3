// The fuzz target for the ring (native/fuzz/) under the sanitizers: the kept inputs and a bounded number of new ones.
// PAGEWIRE_FUZZ_SECONDS=600 searches on for so long, from another seed each time. Checks that are taken out of the
// sources must be noticed, or it would prove nothing.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaveOut } from '../native/namespace.ts'
import { buildPrograms, plantFault } from './programs.ts'
import { run, sanitizerRuntime } from './sanitizers.ts'

const CORPUS = resolve('native/fuzz/corpus')
const RUNS = 1500
const SECONDS = Number(process.env['PAGEWIRE_FUZZ_SECONDS'] ?? 0)

const RESOLVE =
  'if (static_cast<uint64_t>(offset) + length > region->length || region->data == nullptr) return nullptr;'

const PLANTED: [string, string, string, string][] = [
  [
    'an offset may lie outside',
    'arena.cc',
    RESOLVE,
    'if (length > region->length || region->data == nullptr) return nullptr;',
  ],
  [
    'an end beyond 32 bits',
    'arena.cc',
    RESOLVE,
    'if (offset + length > region->length || !region->data) return nullptr;',
  ],
  [
    'an address outlives a burst',
    'arena.cc',
    'if (region->burst != burst_) Refresh',
    'if (region->burst == 0) Refresh',
  ],
  [
    'a stale id names its successor',
    'arena.cc',
    'return live && region.generation == id >> kSlotBits ?',
    'return live ?',
  ],
  [
    'a window has no end',
    'arena.cc',
    'if (static_cast<uint64_t>(offset) + length > mapping->length) return false;',
    'if (mapping->length == 0) return false;',
  ],
  [
    'a checksum may stand outside of its descriptor',
    'burst.cc',
    'if (start + ChecksumField(asking.flags) + 2 > asking.length) return -EINVAL;',
    '',
  ],
  [
    'a checksum is asked for again and again',
    'burst.cc',
    'ring->SetFlags(asked, asking.flags & kDescriptorNext);',
    'static_cast<void>(asked);',
  ],
  ['a chain has no most pieces', 'ring.cc', 'count == kMaxPieces ||', ''],
  ['a frame has no most bytes', 'ring.cc', '|| descriptor.length > kMaxFrame - total', ''],
  [
    'the statuses may lie outside',
    'ring.cc',
    'arena->Resolve(region_, 0, bytes)',
    'arena->Resolve(region_, 0, bytes / 2)',
  ],
  ['a list may be longer than its region', 'pieces.cc', 'count_ * kPieceBytes);', '0);'],
  ['a target has no end', 'pieces.cc', 'if (piece.length > target.room - at) return -EMSGSIZE;', ''],
]

describe('the fuzz target for the ring', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pagewire-fuzz-'))
  const inputs = readdirSync(CORPUS).map((name) => join(CORPUS, name))
  let program = ''

  beforeAll(() => {
    if (sanitizerRuntime() !== null) program = buildPrograms(['ring-fuzz'])[0]
  }, 300_000)
  afterAll(() => rmSync(folder, { recursive: true }))

  function fuzz(target: string, bounds: string[]) {
    const artifact = `-artifact=${join(SECONDS > 0 ? resolve('.') : folder, 'ring-fuzz.crash')}`
    return run(target, [...bounds, artifact, ...inputs], {}, 100 + SECONDS)
  }

  it(
    'finds no difference from the model, and no fault',
    async (context) => {
      if (!program) leaveOut(context, 'the fuzz target: no libasan beside g++')
      const seed = SECONDS > 0 ? Date.now() % 1e9 : 1
      const { status, output, reports } = await fuzz(program, [`-runs=${RUNS}`, `-seconds=${SECONDS}`, `-seed=${seed}`])
      expect(reports.join('\n')).toBe('')
      expect(status, output).toBe(0)
      process.stderr.write(output)
    },
    120_000 + SECONDS * 1000,
  )

  for (const [index, [what, file, good, bad]] of PLANTED.entries()) {
    it(`finds what is planted: ${what}`, async (context) => {
      if (!program) leaveOut(context, `a planted fault: ${what}`)
      const { status, output } = await fuzz(plantFault(join(folder, String(index)), file, good, bad), [`-runs=${RUNS}`])
      expect(status, output).not.toBe(0)
      expect(output).toContain('the input is in the artifact')
    }, 300_000)
  }
})

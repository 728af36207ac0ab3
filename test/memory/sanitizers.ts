// Programs under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, and what these reported. Node itself is not
// instrumented: their runtime is preloaded into it, so that the addon's accesses and everybody's allocations are seen.

import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** The compiler's runtime of AddressSanitizer; null where it has none. */
export function sanitizerRuntime(): string | null {
  const { stdout } = spawnSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' })
  const path = stdout?.trim() ?? ''
  return isAbsolute(path) ? path : null
}

export interface Run {
  status: number | null
  signal: string | null
  output: string
  /** Faults, and leaks of the addon's own allocations. */
  reports: string[]
}

/** Runs a program until it ends, at most `seconds`. */
export function run(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  seconds: number,
): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'pagewire-reports-'))
  const env = { ...process.env, ...options(join(folder, 'report')), ...environment }
  return new Promise((done) => {
    const child = execFile(
      program,
      args,
      { env, timeout: seconds * 1000, maxBuffer: 1 << 26 },
      (_error, stdout, stderr) => {
        const reports = readdirSync(folder).flatMap((name) => reportsOf(readFileSync(join(folder, name), 'utf8')))
        // UndefinedBehaviorSanitizer beside AddressSanitizer writes to stderr whatever it is told.
        if (/: runtime error: /.test(stderr)) reports.push(stderr)
        rmSync(folder, { recursive: true })
        done({ status: child.exitCode, signal: child.signalCode, output: stdout + stderr, reports })
      },
    )
  })
}

/**
 * A fault ends the process with SIGABRT. Leaks do not change its status: a Node that ends within JavaScript leaves behind
 * what is its own. A small quarantine, so that tests may ask for the process's size.
 */
function options(path: string): NodeJS.ProcessEnv {
  const format = "'    #%n %p %F %S (%m)'"
  return {
    ASAN_OPTIONS: `abort_on_error=1:detect_leaks=1:quarantine_size_mb=4:log_path=${path}:stack_trace_format=${format}`,
    LSAN_OPTIONS: 'exitcode=0',
    UBSAN_OPTIONS: `abort_on_error=1:print_stacktrace=1:log_path=${path}`,
  }
}

/** The reports of one process: a fault wholly, of the leaks those that were allocated by the addon. */
function reportsOf(text: string): string[] {
  const blocks = text.split('\n\n')
  return text.includes('LeakSanitizer') ? blocks.filter(isOurLeak) : [text]
}

const RUNTIME = /lib(asan|ubsan|stdc\+\+|c)\.so/
const OURS = /[/](pagewire|planted)\.node|[/](ring-fuzz|native-test)\)/

/** Whether the first that is not the runtime of the language is the addon: what Node allocates on its behalf is Node's. */
function isOurLeak(block: string): boolean {
  if (!/^(Direct|Indirect) leak of/m.test(block)) return false
  const frames = block.split('\n').filter((line) => /^ +#\d/.test(line))
  const first = frames.find((line) => !RUNTIME.test(line))
  return first !== undefined && OURS.test(first)
}

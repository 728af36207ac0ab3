// When V8 optimizes the stack's code. With super-frames of 256 KiB a second of full speed is some thirty thousand turns of the
// paths that matter: V8's default waits so long that the first gigabytes of a process go out by slower code.

import { setFlagsFromString } from 'node:v8'

/** Bytes of bytecode that a function runs before V8 looks whether to optimize it; its default is three times as many. */
const BUDGET = 40_000

/** For a process that is a stack, before it has traffic. A V8 that knows no such number says so on standard error and goes on. */
export function compileEarly(): void {
  setFlagsFromString(`--interrupt-budget=${BUDGET}`)
}

// `pagewire lab zerocopy`, from the options to the exit status: looks whether the machine has what it takes, runs itself once
// more in a network namespace without a name, measures there, and reports. The namespace, the TAP in it and the lab's files
// have no names, so that nothing is left however it ends.

import { writeFileSync } from 'node:fs'
import { catchInterrupt } from '../cli/interrupt.ts'
import { print, printJson } from '../cli/text.ts'
import { currentStage, keeperSignal, runUnnamed } from '../up/stage.ts'
import { measure } from './measure.ts'
import { checkNeeds, unshareWords } from './needs.ts'
import type { LabOptions } from './options.ts'
import { Progress } from './progress.ts'
import { type Report, reportOf } from './report.ts'
import { reportHtml } from './report-html.ts'
import { reportText } from './report-text.ts'

/** As a shell says of a program that Ctrl-C ended. */
const INTERRUPTED = 130

export async function runLab(options: LabOptions): Promise<number> {
  if (currentStage().kind !== 'unnamed') {
    checkNeeds(options)
    return await runUnnamed(unshareWords())
  }
  const interrupt = catchInterrupt()
  const signal = AbortSignal.any([interrupt.signal, keeperSignal()])
  try {
    const lab = await measure(options, signal, (steps) => new Progress(process.stderr, steps))
    say(reportOf(lab, options, lab.fileBytes), options)
    return 0
  } catch (error) {
    if (signal.aborted) return INTERRUPTED
    throw error
  } finally {
    interrupt.release()
  }
}

function say(report: Report, { json, html }: LabOptions): void {
  if (html !== undefined) writeFileSync(html, reportHtml(report))
  if (typeof json === 'string') writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  if (json === true) printJson(report)
  else print(reportText(report))
}

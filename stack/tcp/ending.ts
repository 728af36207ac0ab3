// How a connection ends: by a reset, an error, a timeout, or in good order with or without TIME-WAIT. One place, so that
// deadlines, pages, the table and the application always learn of it together.

import { ERROR, HANGUP, READ_HANGUP, READABLE, WRITABLE } from './contract.ts'
import type { ControlBlock } from './control-block.ts'
import { resetsOnAbort } from './state.ts'

/** Over at once: `errno` (positive, 0: none) becomes the pending error. What was received stays for the application. */
export function fail(block: ControlBlock, errno: number, now: number): void {
  if (block.state === 'CLOSED') return
  const { counters } = block.services
  if (block.state === 'SYN-SENT' || block.state === 'SYN-RECEIVED') counters.TcpAttemptFails++
  if (block.state === 'ESTABLISHED' || block.state === 'CLOSE-WAIT') counters.TcpEstabResets++
  block.error = errno
  block.move('reset')
  finish(block, false, now)
}

/**
 * As `fail`, and the peer is told by a RST if it knows the connection (RFC 9293 3.10.5). Also while our FIN has never left
 * (CLOSING and LAST-ACK are entered when it is queued), or the peer would wait for it for ever; Linux does the same.
 */
export function abort(block: ControlBlock, errno: number, now: number): void {
  const { state } = block
  const closes = state === 'CLOSING' || state === 'LAST-ACK'
  if (resetsOnAbort(state) || (closes && !block.finSent)) block.services.sendReset(block)
  fail(block, errno, now)
}

/** The last thing in the life of a connection; its state is CLOSED or TIME-WAIT already. */
export function finish(block: ControlBlock, timeWait: boolean, now: number): void {
  block.deadlines.clearAll()
  block.dropSendQueue()
  block.reassembly?.clear()
  if (block.orphan) block.dropReceived()
  block.services.retire(block, timeWait, now)
  const error = block.error === 0 ? 0 : ERROR
  if (!block.orphan) block.services.tell(block, READABLE | WRITABLE | HANGUP | READ_HANGUP | error)
}

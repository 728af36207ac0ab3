// What a connection is handed by its layer: the stack's means, and the few things that only the layer can do for it, so
// that the procedures over a connection know no layer. Implemented by tcp-layer.ts.

import type { StackContext } from '../context.ts'
import type { Counters } from '../counters.ts'
import type { Network } from '../network/contract.ts'
import type { ControlBlock } from './control-block.ts'
import type { OptionVariants } from './option-variants.ts'
import type { PageFill } from './page-fill.ts'
import type { SegmentWriter } from './segment-writer.ts'

export interface Services {
  readonly context: StackContext
  readonly network: Network
  readonly counters: Counters
  readonly writer: SegmentWriter
  /** Pages that small writes and small received segments of all connections share. */
  readonly sendFill: PageFill
  readonly receiveFill: PageFill
  readonly optionVariants: OptionVariants
  /** The connection has something to send. */
  schedule(block: ControlBlock): void
  /** The application should hear of these events. */
  tell(block: ControlBlock, events: number): void
  /** The application waits for memory: it is told that it may write when there is some. */
  starve(block: ControlBlock): void
  /** A RST with ACK that the connection sends as its last word. */
  sendReset(block: ControlBlock): void
  /** A RST that answers an unacceptable acknowledgment: <SEQ=ack><CTL=RST>. */
  refuse(block: ControlBlock, ack: number): void
  /** The handshake of a connection that came through a listener is complete. */
  onAccepted(block: ControlBlock): void
  /** A connection that is over holds nothing any more that its application could still read. */
  forget(block: ControlBlock): void
  /** The connection is over and leaves the table; with `timeWait` a record takes its place. */
  retire(block: ControlBlock, timeWait: boolean, now: number): void
}

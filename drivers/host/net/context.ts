// What the sockets of one host share, and all that they know of it.

import type { LookupFunction } from 'node:net'
import type { Tcp } from '../../../stack/tcp/contract.ts'
import type { Files } from '../../files/index.ts'
import type { Keeper } from '../keeper.ts'
import type { Timeouts } from '../timeouts.ts'
import type { Loans } from './loans.ts'
import type { SharedMemory } from './memory-transfer.ts'
import type { Reader } from './reader.ts'

export interface SocketContext {
  readonly tcp: Tcp
  readonly timeouts: Timeouts
  readonly keeper: Keeper
  readonly reader: Reader
  /** What `sendFile` sends from. */
  readonly files: Files
  /** What `writeZeroCopy` sends from. */
  readonly shared: SharedMemory
  /** Large writes that are not copied. */
  readonly loans: Loans
  /** Where strings are encoded before they are copied into a send queue. */
  readonly scratch: Buffer
  /** For names; null: none but `localhost` can be resolved. */
  readonly lookup: LookupFunction | null
  /** The host was closed: nothing can be opened any more. */
  readonly closed: boolean
  /** What is open: closed together with the host. */
  readonly open: Set<Closable>
}

/** Something of an application's that a closing host ends. */
export interface Closable {
  /** `now`: without waiting for what was written to be sent. */
  closeWithHost(now: boolean): void
}

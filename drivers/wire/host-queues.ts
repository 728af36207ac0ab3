// The door between virtual time and Node: waits until the host's tick, promise and immediate queues are empty and no
// file request is under way, so that what an application does in answer to an event takes no virtual time. Timers,
// sockets and child processes of the host are outside the promise.

/** Rounds of the event loop after which queues that refill themselves are taken for an endless loop. */
const IMMEDIATE_ROUNDS = 100_000
/** The same while only files are waited for: some seconds. */
const FILE_ROUNDS = 5_000_000

/** Resolves when nothing that the host promises to finish by itself is left. Throws RangeError after too many rounds. */
export async function drainHost(): Promise<void> {
  for (let round = 0; ; round++) {
    await new Promise<void>((resolve) => setImmediate(resolve))
    const waiting = pendingKind()
    if (waiting === '') return
    if (round >= (waiting === 'Immediate' ? IMMEDIATE_ROUNDS : FILE_ROUNDS)) {
      throw new RangeError(`the host is never quiet: ${waiting}`)
    }
  }
}

/** `Immediate`, a kind of file request, or nothing. */
function pendingKind(): string {
  let kind = ''
  for (const resource of process.getActiveResourcesInfo()) {
    if (resource === 'Immediate') return resource
    if (resource.startsWith('FSReq') || resource === 'CloseReq') kind = resource
  }
  return kind
}

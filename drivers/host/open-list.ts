// What is open on a host and ends with it. Each member knows its place, so that taking it out costs no search and no hash.
// A Set would do the same for a few; under many short connections it makes its table anew all the time, each table that
// was dropped refers to the next, and whatever they held outlives the young generation. Owns the places, nothing else.

/** Something of an application's that a closing host ends. */
export interface Closable {
  /** Where it stands in the list, -1 when it does not. Kept by the list. */
  _openPlace: number
  /** `now`: without waiting for what was written to be sent. */
  closeWithHost(now: boolean): void
}

export class OpenList {
  private readonly members: Closable[] = []
  private readonly onDelete: () => void

  /** `onDelete` is called when a member was taken out. */
  constructor(onDelete: () => void) {
    this.onDelete = onDelete
  }

  get size(): number {
    return this.members.length
  }

  has(member: Closable): boolean {
    return member._openPlace >= 0
  }

  /** Does nothing for one that is there. */
  add(member: Closable): void {
    if (member._openPlace >= 0) return
    member._openPlace = this.members.length
    this.members.push(member)
  }

  /** False when it was not there. The last one takes its place. */
  delete(member: Closable): boolean {
    const place = member._openPlace
    if (place < 0) return false
    member._openPlace = -1
    const last = this.members.pop() as Closable
    if (last !== member) {
      last._openPlace = place
      this.members[place] = last
    }
    this.onDelete()
    return true
  }

  /** A copy: closing one takes it out. */
  list(): Closable[] {
    return this.members.slice()
  }
}

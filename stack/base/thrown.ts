// What callbacks of an application threw, kept until all others were told. One exception comes out as itself, several
// as an AggregateError.

export class Thrown {
  private readonly errors: unknown[] = []

  add(error: unknown): void {
    this.errors.push(error)
  }

  /** Throws what was added, if anything was, and forgets it. */
  rethrow(): void {
    if (this.errors.length === 0) return
    const errors = this.errors.splice(0)
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, `${errors.length} callbacks threw`)
  }
}

// The bits of an endpoint's readiness, the same for every transport. tcp/contract.ts says what each means for TCP.

/** A datagram, or an error, can be taken. */
export const READABLE = 1
/** `send` would take bytes. */
export const WRITABLE = 2
/** An error is pending. */
export const ERROR = 4

// What `pagewire lab zerocopy` was asked for.

export interface LabOptions {
  rounds: number
  /** How long each transfer should take; its bytes follow from a trial. Either this or `bytes`. */
  seconds: number
  bytes?: number
  /** What is sent; undefined: a file of random bytes that is made and has no name. */
  file?: string
  soak: boolean
  /** True: to standard output. */
  json?: boolean | string
  html?: string
}

export const DEFAULT_ROUNDS = 5
export const DEFAULT_SECONDS = 1.2

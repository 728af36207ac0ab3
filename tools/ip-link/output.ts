// What a call of `ip` comes to, in the words of iproute2.

export interface Output {
  status: number
  stdout: string
  stderr: string
}

/** iproute2 ends so when words are wrong (exit(-1)), when a device is not there, and when the kernel refuses. */
export const BAD_WORDS = 255
const NO_DEVICE = 1
const REFUSED = 2

export function said(stdout: string): Output {
  return { status: 0, stdout, stderr: '' }
}

export function trouble(status: number, text: string): Output {
  return { status, stdout: '', stderr: `${text}\n` }
}

export const INCOMPLETE = trouble(BAD_WORDS, 'Command line is not complete. Try option "help"')
export const NOT_SUPPORTED = trouble(REFUSED, 'RTNETLINK answers: Operation not supported')

const USAGE = `Usage: ip [ OPTIONS ] link show [ DEVICE | dev DEVICE ] [ up ]
       ip [ OPTIONS ] link set { DEVICE | dev DEVICE } gso_ipv4_max_size BYTES
where  OPTIONS := { -d[etails] | -s[tatistics] | -j[son] | -p[retty] | -o[neline] | -n[etns] NAME }`

export const HELP = trouble(BAD_WORDS, USAGE)

/** Of `show`. */
export function doesNotExist(device: string): Output {
  return trouble(NO_DEVICE, `Device "${device}" does not exist.`)
}

/** Of `set`. */
export function cannotFind(device: string): Output {
  return trouble(NO_DEVICE, `Cannot find device "${device}"`)
}

/** A word where only the name of a device could be, behind one that was it. */
export function garbage(word: string): Output {
  return trouble(BAD_WORDS, `Error: either "dev" is duplicate, or "${word}" is a garbage.`)
}

export function wrongArgument(word: string, why: string): Output {
  return trouble(BAD_WORDS, `Error: argument "${word}" is wrong: ${why}`)
}

/** As the kernel says it, with a sentence of its own. */
export function refused(sentence: string): Output {
  return trouble(REFUSED, `Error: ${sentence}.`)
}

/** Whether `word` is `whole` or the beginning of it, as iproute2 takes its words. */
export function matches(word: string, whole: string): boolean {
  return word !== '' && whole.startsWith(word)
}

// What the tests on the real thing need of the machine. What is missing is said in one loud line with the command that
// brings it; with PAGEWIRE_REQUIRE_ALL set (as .ci/run does) it is a failure instead.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe } from 'vitest'

const PACKAGES: Record<string, string> = {
  ping: 'iputils-ping',
  curl: 'curl',
  python3: 'python3',
  lftp: 'lftp',
  tcpdump: 'tcpdump',
  tshark: 'tshark',
  wrk: 'wrk',
  ip: 'iproute2',
  nstat: 'iproute2',
  ethtool: 'ethtool',
  unshare: 'util-linux',
  nsenter: 'util-linux',
}

function installed(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

let namespaces: string | undefined

/** Why no network namespace with a TAP can be made here, or an empty string. */
function namespaceTrouble(): string {
  if (namespaces !== undefined) return namespaces
  if (!existsSync('/dev/net/tun')) namespaces = 'no /dev/net/tun (mkdir -p /dev/net && mknod /dev/net/tun c 10 200)'
  else if (process.getuid?.() !== 0) namespaces = 'not root (sudo npm test)'
  else if (spawnSync('unshare', ['--net', 'true']).status !== 0) namespaces = 'no leave to make network namespaces'
  else namespaces = ''
  return namespaces
}

/** `describe` for tests that need a network namespace with a TAP, as root, and the programs named. */
export function describeOnTap(name: string, programs: string[], body: () => void): void {
  const missing = programs.filter((program) => !installed(program))
  const troubles = []
  const namespace = namespaceTrouble()
  if (namespace) troubles.push(namespace)
  if (missing.length > 0) {
    const packages = [...new Set(missing.map((program) => PACKAGES[program] ?? program))].join(' ')
    troubles.push(`no ${missing.join(', ')} (apt-get install ${packages})`)
  }
  if (troubles.length === 0) {
    describe(name, body)
    return
  }
  const why = `LEFT OUT: ${name}: ${troubles.join('; ')}`
  if (process.env['PAGEWIRE_REQUIRE_ALL']) throw new Error(why)
  process.stderr.write(`\n*** ${why} ***\n`)
  describe.skip(why, body)
}

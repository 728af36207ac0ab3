// The command line as a person meets it: what is printed where, and the exit status. Nothing here gets as far as opening
// anything.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { run } from '../../../tools/cli/program.ts'
import { VERSION } from '../../../tools/cli/version.ts'
import { DIRECTORY_VARIABLE } from '../../../tools/control/places.ts'

let out = ''
let err = ''
let folder: string

beforeEach(() => {
  out = ''
  err = ''
  folder = mkdtempSync(join(tmpdir(), 'pagewire-cli-'))
  vi.stubEnv(DIRECTORY_VARIABLE, folder)
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text
    return true
  })
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

describe('bad arguments: one line, exit status 2', () => {
  it.each([
    ['', /no command given; try 'pagewire up'/],
    ['nope', /unknown command 'nope'/],
    ['pin 192.0.2.1', /Did you mean ping/],
    ['help nope', /unknown command 'nope'/],
    ['--nope', /unknown option '--nope'/],
    ['up extra', /too many arguments/],
    ['up --rot .', /Did you mean --root/],
    ['up --root', /argument missing/],
    ['up --mtu 12', /--mtu.*'12'.*from 576 to 65521/],
    ['up --address 192.0.2.2', /--address.*192\.0\.2\.2\/24/],
    ['up --kernel 10.0.0.1/24', /not in the network.*try --kernel 192\.0\.2\.1\/24/],
    ['up --kernel 192.0.2.1/25', /not in the network/],
    ['up --kernel 192.0.2.2/24', /the same address/],
    ['up --mac 01:00:5e:00:00:01', /unicast/],
    ['up --tap a/b', /--tap/],
    ['up --port 0', /from 1 to 65535/],
    ['up --port 7', /--no-services/],
    ['up --root . --port 21', /--no-ftp/],
    ['ftpd', /--root DIR/],
    ['ftpd --root . --port 0', /from 1 to 65535/],
    ['ftpd --root . --netns x --driver wire', /--netns needs a TAP/],
    ['up --writable', /add --root DIR/],
    ['up --driver pcap', /tap, wire/],
    ['up --driver wire --netns x', /needs a TAP/],
    ['up --features tso', /Say on or off/],
    ['up --gso-max-size 575', /from 576 to 524280/],
    ['up --root /nonexistent-folder --driver wire', /no such folder/],
    ['up --root /etc/passwd --driver wire', /is a file/],
    ['ping', /missing required argument 'address'/],
    ['ping localhost', /IPv4 address/],
    ['ping -c 0 192.0.2.1', /from 1/],
    ['ping -i x 192.0.2.1', /seconds/],
    ['ping 192.0.2.1', /no pagewire runs/],
    ['tcpdump', /required option '-w, --write <file>'/],
    ['tcpdump -w', /argument missing/],
    ['nstat --what', /unknown option/],
    ['ss x', /too many arguments/],
    ['lab', /missing required argument 'experiment'/],
    ['lab twocopy', /one experiment: 'zerocopy'/],
    ['lab zerocopy x', /too many arguments/],
    ['lab zerocopy --rounds 0', /from 1 to 99/],
    ['lab zerocopy --seconds 0', /seconds from 0\.02 to 60/i],
    ['lab zerocopy --bytes 12', /from 64K to 64G/],
    ['lab zerocopy --bytes 1T', /from 64K to 64G/],
    ['lab zerocopy --bytes 1M --seconds 1', /the same thing twice/],
    ['lab zerocopy --html', /argument missing/],
  ])('pagewire %s', async (line, said) => {
    const words = line.split(' ').filter((word) => word !== '')
    expect(await run(words)).toBe(2)
    expect(err).toMatch(said)
    expect(err.trimEnd().split('\n')).toHaveLength(1)
    expect(err).toMatch(/^pagewire( \w+)?: /)
    expect(out).toBe('')
  })
})

describe('when no stack runs', () => {
  it.each(['nstat', 'ss', 'tcpdump -w x', 'nstat --tap pw7'])('pagewire %s: one line, exit status 1', async (line) => {
    expect(await run(line.split(' '))).toBe(1)
    expect(err).toMatch(/^pagewire \w+: no pagewire runs; start one with 'pagewire up'\n$/)
  })

  it('says so when a namespace is named that is not there', async () => {
    expect(await run(['nstat', '--netns', 'pagewire-no-such'])).toBe(1)
    expect(err).toBe('pagewire nstat: there is no network namespace pagewire-no-such\n')
  })
})

describe('help and version', () => {
  it('prints the version', async () => {
    expect(await run(['--version'])).toBe(0)
    expect(out.trim()).toBe(VERSION)
    expect(VERSION).toMatch(/^\d+\.\d+\.\d+/)
  })

  it.each(['', 'up', 'ping', 'tcpdump', 'nstat', 'ss'])('prints help for %s', async (command) => {
    expect(await run([command, '--help'].filter((word) => word !== ''))).toBe(0)
    expect(out).toMatch(/^Usage: pagewire/)
    expect(err).toBe('')
  })

  it.each([
    ['help', /^Usage: pagewire \[/],
    ['help ping', /^Usage: pagewire ping/],
  ])('pagewire %s: the same by name', async (line, said) => {
    expect(await run(line.split(' '))).toBe(0)
    expect(out).toMatch(said)
    expect(err).toBe('')
  })

  it('offers --json with every command', async () => {
    for (const command of ['up', 'ping', 'tcpdump', 'nstat', 'ss']) {
      out = ''
      await run([command, '--help'])
      expect(out).toContain('--json')
    }
  })
})

// `pagewire ip link` beside Debian's ip, and the size of super-frames changed in the middle of a real transfer: what the card sends
// follows, and nothing is lost. What tcpdump and our own captures make of a super-frame above 64 KiB, whose IP length is 0.
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CapturedPacket, captureReader } from '../../drivers/pcap/index.ts'
import { seededRandom } from '../../drivers/random.ts'
import { chooseRunning } from '../../tools/control/choose.ts'
import { ask } from '../../tools/control/client.ts'
import { query } from '../../tools/ethtool/messages.ts'
import type { Output } from '../../tools/ip-link/output.ts'
import { naiveChecksum } from '../nic/support/oracle.ts'
import { ipOver, link } from '../tools/ip-link/cards.ts'
import {
  KERNEL as KERNEL_END,
  makeFile,
  Namespace,
  PROGRAM,
  removeFolder,
  STACK,
  sha256,
  temporaryFolder,
  Up,
} from './lab.ts'
import { describeOnTap } from './requirements.ts'

const TAP = 'kernel0'
/** What the kernel says of a TAP of its own, and the least that it takes. */
const KERNEL = { most: 65_536, least: 193 }

describeOnTap('ip link of our card and of the kernel', ['ip'], () => {
  let namespace: Namespace

  beforeAll(() => {
    namespace = new Namespace()
    execFileSync('ip', ['-n', namespace.name, 'tuntap', 'add', 'dev', TAP, 'mode', 'tap', 'vnet_hdr'])
  })

  afterAll(() => namespace.remove())

  const kernel = (words: readonly string[]): Output => {
    const { status, stdout, stderr } = namespace.run('ip', [...words])
    return { status: status ?? -1, stdout, stderr }
  }

  const ours = () =>
    ipOver([link({ name: TAP, index: 2, tsoMaxSize: KERNEL.most, gsoIpv4MaxSize: KERNEL.most })], KERNEL.least)

  /** gso_ipv4_max_size came with iproute2 6.3; gso_max_size is its older twin, with the same words about it. */
  const twin = (words: readonly string[]) => words.map((word) => word.replace('gso_ipv4_max_size', 'gso_max_size'))

  it.each(
    [
      '-x link',
      'bogus',
      'link bogus',
      'link show dev none0',
      'link show none0',
      'link show dev',
      'link show kernel0 more',
      'link show dev kernel0 dev kernel0',
      'link set',
      'link set dev',
      'link set dev kernel0',
      'link set dev none0',
      'link set a/b',
      'link set dev kernel0 bogus 1',
      'link set kernel0 kernel0',
      'link set dev kernel0 dev kernel0',
      'link set dev averyverylongname gso_ipv4_max_size 2000',
      'link set dev none0 gso_ipv4_max_size 2000',
      'link set dev none0 gso_ipv4_max_size many',
      'link set dev none0 bogus 3',
      'link set gso_ipv4_max_size 2000',
      'link set kernel0 gso_ipv4_max_size',
      'link set kernel0 mtu',
      'link se gso_ipv4_max_size 2000 dev kernel0',
      'lin change kernel0 gso_ipv4_max_size 2000 gso_ipv4_max_size 3000',
      'l s kernel0 gso_ipv4_max_size 70000',
      '-n none0 link',
    ].map((line) => [line]),
  )('says the same to: ip %s', async (line) => {
    const words = line.split(' ')
    const { stderr, ...rest } = kernel(twin(words))
    expect(await ours()(...words)).toEqual({
      ...rest,
      stderr: stderr.replaceAll(/\bgso_max_size/g, 'gso_ipv4_max_size'),
    })
  })

  it('reads numbers alike', async () => {
    const given = ['2000', '65536', '65537', '4294967295', '4294967296', '99999999999999999999', '', 'x', '7x', '1e4']
    const bases = ['0x800', '0X7D0', '04000', '08', '0x', '-1', '+2000', ' 2000', '0', '1', '192', '193', '00', '2000 ']
    for (const value of [...given, ...bases]) {
      const words = ['link', 'set', 'dev', TAP, 'gso_ipv4_max_size', value]
      const { stderr, ...rest } = kernel(twin(words))
      const expected = { value, ...rest, stderr: stderr.replaceAll(/\bgso_max_size/g, 'gso_ipv4_max_size') }
      expect({ value, ...(await ours()(...words)) }).toEqual(expected)
    }
  })

  it('shows its part in the same order and shape', async () => {
    // What we say, word by word, is what the real program says, with words left out.
    const wordsOf = ({ stdout }: Output) => stdout.split(/[\s\\]+/).filter((word) => word !== '')
    for (const options of [[], ['-d'], ['-s'], ['-o', '-d', '-s']]) {
      const theirs = wordsOf(kernel([...options, 'link', 'show', TAP]))
      let at = 0
      for (const word of wordsOf(await ours()(...options, 'link', 'show', TAP))) {
        // What differs: flags, state, address, and the name that iproute2 6.1 does not know.
        if (/^<|^(UP|DOWN)$|^02:|^gso_ipv4_max_size$/.test(word)) continue
        const found = theirs.indexOf(word, at)
        expect(found, `${word} in ${theirs}`).toBeGreaterThanOrEqual(at)
        at = found + 1
      }
    }
    // The same lines, the same columns.
    const lines = ({ stdout }: Output) => stdout.split('\n').map((line) => line.replace(/^( *)([^\s\d]*).*/, '$1$2'))
    const [theirs, our] = [kernel(['-s', 'link', 'show', TAP]), await ours()('-s', 'link', 'show', TAP)]
    expect(lines(our).map((line) => line.trimEnd())).toEqual(lines(theirs).map((line) => line.trimEnd()))
    const columns = ({ stdout }: Output) =>
      stdout
        .split('\n')
        .slice(2)
        .map((line) => line.slice(0, 35).trimEnd())
    expect(columns(our)).toEqual(columns(theirs))
  })

  it('has the same keys and kinds in JSON', async () => {
    const [theirs] = JSON.parse(kernel(['-j', '-d', '-s', 'link', 'show', TAP]).stdout)
    const [our] = JSON.parse((await ours()('-j', '-d', '-s', 'link', 'show', TAP)).stdout)
    const { gso_ipv4_max_size, stats64, ...shared } = our
    expect(gso_ipv4_max_size).toBe(KERNEL.most)
    const order = Object.keys(theirs).filter((key) => key in shared)
    expect(order).toEqual(Object.keys(shared))
    for (const key of order) expect(typeof shared[key], key).toBe(typeof theirs[key])
    for (const way of ['rx', 'tx'])
      expect(Object.keys(theirs.stats64[way])).toEqual(expect.arrayContaining(Object.keys(stats64[way])))
    // Which line breaks and which spaces -p makes.
    const shape = (text: string) =>
      text
        .replace(/"flags": .*/, '')
        .replace(/: .*/g, '')
        .split('\n')
    const pretty = shape((await ours()('-j', '-p', 'link', 'show', TAP)).stdout)
    expect(shape(kernel(['-j', '-p', 'link', 'show', TAP]).stdout)).toEqual(expect.arrayContaining(pretty))
  })
})

describeOnTap('ip link on a stack that runs', ['ip', 'curl', 'tcpdump', 'tshark'], () => {
  const SIZE = 2 ** 29
  let folder: string
  let digest: string
  let namespace: Namespace
  let up: Up
  let path: string

  beforeAll(async () => {
    folder = temporaryFolder()
    digest = makeFile(join(folder, 'half.bin'), SIZE)
    makeFile(join(folder, 'some.bin'), 2 ** 23)
    namespace = new Namespace()
    up = await Up.start(namespace, ['--root', folder, '--gso-max-size', '100000'])
    path = (await chooseRunning({ netns: namespace.name })).path
  })

  afterAll(async () => {
    expect(await up.stop()).toBe(0)
    namespace.remove()
    removeFolder(folder)
  })

  const ip = (...words: string[]) => namespace.run(process.execPath, [PROGRAM, 'ip', ...words])
  const statistics = async () => (await ask(path, 'ethtool', query('statistics'))).statistics as Record<string, number>
  const resize = (bytes: number) => ask(path, 'link', { query: 'set', gsoIpv4MaxSize: bytes })

  /** The mean super-frame of what was sent between two looks at the counters; NaN: none was. */
  function mean(before: Record<string, number>, after: Record<string, number>): number {
    return (
      (after['tx_gso_hw_bytes'] - before['tx_gso_hw_bytes']) / (after['tx_gso_hw_frames'] - before['tx_gso_hw_frames'])
    )
  }

  it('starts with the size that it was given, and shows what is set', () => {
    expect(ip('-d', 'link', 'show', 'dev', 'pw0').stdout).toMatch(/tso_max_size 524280 gso_ipv4_max_size 100000 \n$/)
    expect(ip('link', 'set', 'dev', 'pw0', 'gso_ipv4_max_size', '262080')).toMatchObject({
      status: 0,
      stdout: '',
      stderr: '',
    })
    const [shown] = JSON.parse(ip('-j', '-d', 'link').stdout)
    expect(shown).toMatchObject({ ifname: 'pw0', gso_ipv4_max_size: 262_080, operstate: 'UP' })
    expect(ip('link', 'set', 'dev', 'pw0', 'gso_ipv4_max_size', '524281')).toMatchObject({
      status: 2,
      stderr: 'Error: too big gso_ipv4_max_size.\n',
    })
    // Set is set, though nothing above 64 KiB is made meanwhile.
    const tso = (state: string) =>
      namespace.run(process.execPath, [PROGRAM, 'ethtool', '-K', 'pw0', 'tso', state]).status
    expect(tso('off')).toBe(0)
    expect(JSON.parse(ip('-j', '-d', 'link').stdout)[0].gso_ipv4_max_size).toBe(262_080)
    expect(tso('on')).toBe(0)
    expect(ip('link', 'set', 'dev', 'pw9', 'gso_ipv4_max_size', '65535')).toMatchObject({
      status: 1,
      stderr: 'Cannot find device "pw9"\n',
    })
  })

  it('sends super-frames of the size that is set, changed in the middle of a download, and nothing is lost', async () => {
    const random = seededRandom(8)
    const sizes = [65_535, 262_080, 20_000]
    const means = new Map<number, number[]>(sizes.map((size) => [size, []]))
    const down = join(folder, 'down.bin')
    const download = namespace.start('curl', ['-sSf', '-o', down, `http://${STACK}/half.bin`])
    let going = true
    void download.finally(() => {
      going = false
    })
    for (let turn = 0; going; turn++) {
      const size = sizes[turn % 3]
      expect(await resize(size)).toEqual({ errno: 0 })
      const before = await statistics()
      // Some frames under each size; every answer of the stack comes after some of its polls.
      let after = before
      for (let look = 0; look < 4 + random.below(8) && going; look++) after = await statistics()
      if (going && after['tx_gso_hw_frames'] - before['tx_gso_hw_frames'] >= 8)
        means.get(size)?.push(mean(before, after))
    }
    expect(await download).toMatchObject({ status: 0, stderr: '' })
    expect(await sha256(down)).toBe(digest)
    rmSync(down)
    const { tx_gso_too_large } = await statistics()
    for (const size of sizes) {
      const seen = means.get(size) as number[]
      expect(seen.length, `looks at ${size}`).toBeGreaterThan(2)
      // A kernel before Linux 6.6 has said no.
      const most = tx_gso_too_large > 0 ? Math.min(size, 65_535) : size
      const middle = seen.sort((a, b) => a - b)[seen.length >> 1]
      expect(middle, `frames of ${size}`).toBeGreaterThan(most * 0.5)
      // Ethernet's header besides.
      expect(middle, `frames of ${size}`).toBeLessThanOrEqual(most + 14)
    }
  }, 120_000)

  /** What `program` records into a file while a file of 8 MiB is downloaded. */
  async function recorded(name: string, program: string, words: string[]): Promise<CapturedPacket[]> {
    const file = join(folder, name)
    const child = namespace.spawn(program, [...words, '-w', file])
    await new Promise<void>((listening) => {
      let said = ''
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes('listening on')) listening()
      })
    })
    const ended = new Promise((done) => child.on('close', done))
    expect(await namespace.start('curl', ['-sSf', '-o', '/dev/null', `http://${STACK}/some.bin`])).toMatchObject({
      status: 0,
    })
    child.kill('SIGINT')
    await ended
    const reader = captureReader(readFileSync(file), (why) => {
      throw new Error(why)
    })
    const packets: CapturedPacket[] = []
    for (let packet = reader?.next(); packet; packet = reader?.next()) packets.push(packet)
    expect(reader?.error).toBeNull()
    return packets
  }

  const isLarge = ({ originalLength }: CapturedPacket) => originalLength > 65_549

  /** The sum over the TCP segment with its pseudo-header, whose length has 32 bits: 0 when the checksum is right. */
  function sumOf({ bytes }: CapturedPacket): number {
    const at = 14 + (bytes[14] & 15) * 4
    const length = bytes.length - at
    const pseudo = new Uint8Array([...bytes.subarray(26, 34), 0, 6, 0, 0, 0, 0])
    new DataView(pseudo.buffer).setUint32(10, length)
    const whole = new Uint8Array(pseudo.length + length)
    whole.set(pseudo)
    whole.set(bytes.subarray(at), pseudo.length)
    return naiveChecksum(whole)
  }

  it("our captures have them whole, with a finished checksum, and so has the kernel's tcpdump", async () => {
    await resize(262_080)
    const ours = await recorded('ours.pcapng', process.execPath, [PROGRAM, 'tcpdump'])
    const large = ours.filter(isLarge)
    if ((await statistics())['tx_gso_too_large'] > 0) return expect(large).toHaveLength(0)
    expect(large.length).toBeGreaterThan(4)
    for (const packet of large) {
      expect(packet.bytes.length).toBe(packet.originalLength)
      expect([packet.bytes[16], packet.bytes[17]]).toEqual([0, 0])
      expect(sumOf(packet)).toBe(0)
    }
    const theirs = (await recorded('theirs.pcap', 'tcpdump', ['-i', 'pw0', '-U', '-B', '65536'])).filter(isLarge)
    expect(theirs.length).toBeGreaterThan(4)
    for (const { bytes, originalLength } of theirs) expect(bytes.length).toBe(originalLength)
    // Both are read by others, and replayed by us.
    for (const name of ['ours.pcapng', 'theirs.pcap']) {
      const file = join(folder, name)
      const read = execFileSync('tshark', ['-r', file, '-T', 'fields', '-e', 'frame.len', '-e', 'ip.src'], {
        encoding: 'utf8',
      })
      const frames = read
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t'))
      expect(frames.filter(([length, from]) => Number(length) > 65_549 && from === STACK).length).toBeGreaterThan(4)
      // From either end: as the sender of super-frames, and as the one who gets them.
      for (const host of [STACK, KERNEL_END]) {
        const replayed = namespace.run(process.execPath, [PROGRAM, 'replay', file, '--host', host, '--json'])
        expect(replayed).toMatchObject({ status: 0, stderr: '' })
        const { frames, connections } = JSON.parse(replayed.stdout)
        expect(frames).toMatchObject({ unreadable: 0, cut: 0 })
        expect(connections).toHaveLength(1)
        expect(connections[0]).toMatchObject({ recorded: true, replayed: true })
        const [{ received }] = connections
        expect(received.stack).toBe(received.capture)
        // tcpdump may end before it has seen the last ones.
        if (host === KERNEL_END) expect(received.stack).toBeGreaterThan(2 ** 22)
      }
    }
  }, 120_000)

  it('captures cut what is larger than readers take for a packet', async () => {
    await resize(524_280)
    const packets = await recorded('huge.pcapng', process.execPath, [PROGRAM, 'tcpdump'])
    await resize(262_080)
    if ((await statistics())['tx_gso_too_large'] > 0) return
    const huge = packets.filter(({ originalLength }) => originalLength > 262_144)
    expect(huge.length).toBeGreaterThan(1)
    for (const { bytes } of huge) expect(bytes.length).toBe(262_144)
    expect(
      execFileSync('tshark', ['-r', join(folder, 'huge.pcapng')], { encoding: 'utf8' }).split('\n').length - 1,
    ).toBe(packets.length)
  }, 60_000)
})

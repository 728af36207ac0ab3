// `pagewire ethtool` beside Debian's ethtool: the same sequences of -K on our card and on a kernel TAP whose owner offers the
// same; and a real transfer during which the features are switched, in all combinations.
import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom } from '../../drivers/index.ts'
import { Coalescing } from '../../nic/coalesce-parameters.ts'
import { FeatureSet, possibleFeatures } from '../../nic/features.ts'
import { chooseRunning } from '../../tools/control/choose.ts'
import { ask } from '../../tools/control/client.ts'
import { type EthtoolQuery, type EthtoolRequest, query } from '../../tools/ethtool/messages.ts'
import { runEthtool } from '../../tools/ethtool/run.ts'
import { EVERYTHING } from '../nic/support/memory-port.ts'
import { makeFile, Namespace, PROGRAM, removeFolder, STACK, sha256, temporaryFolder, Up } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const TAP = 'kernel0'
const NAMES = ['tx', 'sg', 'tso', 'gso']
const RESET = ['tx', 'on', 'sg', 'on', 'tso', 'on', 'gso', 'on', 'tx-tcp-mangleid-segmentation', 'off']
const SHOWN = /^\t?(tx-checksum|tx-scatter|tx-tcp|scatter-gather|tcp-segmentation|generic-segmentation|tx-udp-seg)/
const MASK = 0x01 | 0x02 | 0x04 | 0x08 | 0x20 | 0x40

/** Offers everything that TUNSETOFFLOAD knows, and stays until its standard input ends. */
const OWNER = `
const { openTap } = await import(process.argv[1])
const port = openTap({ name: process.argv[2] })
const refused = port.native.setOffload(Number(process.argv[3]))
process.stdout.write(refused < 0 ? 'refused' : 'ready')
process.stdin.resume().on('end', () => port.close())
`

type Result = { status: number | null; stdout: string; stderr: string }

describeOnTap('ethtool of our card and of the kernel', ['ip', 'ethtool'], () => {
  let namespace: Namespace
  let owner: ChildProcess

  beforeAll(async () => {
    namespace = new Namespace()
    const driver = resolve('dist/drivers/tap/index.js')
    const command = [process.execPath, '--input-type=module', '-e', OWNER, driver, TAP, String(MASK)]
    owner = spawn('ip', ['netns', 'exec', namespace.name, ...command], { stdio: ['pipe', 'pipe', 'inherit'] })
    const said = await new Promise((heard) => owner.stdout?.once('data', (text) => heard(String(text))))
    expect(said, 'the kernel does not know all of TUNSETOFFLOAD').toBe('ready')
  })

  afterAll(async () => {
    const gone = new Promise((done) => owner.on('close', done))
    owner.stdin?.end()
    await gone
    namespace.remove()
  })

  const kernel = (...words: string[]): Result => namespace.run('ethtool', words)

  /** The lines of `-k` that are about sending. */
  const states = ({ stdout }: Result) => stdout.split('\n').filter((line) => SHOWN.test(line))

  function card(): (...words: string[]) => Promise<Result> {
    const features = new FeatureSet(possibleFeatures(EVERYTHING), (next) => next)
    const coalescing = new Coalescing()
    const answers: Partial<Record<EthtoolQuery, (request: EthtoolRequest) => object>> = {
      features: () => ({ features: features.list() }),
      change: ({ changes }) => ({ change: features.change(changes) }),
      coalesce: () => ({ coalesce: coalescing.parameters }),
      moderate: ({ transmit, receive }) => ({ errno: coalescing.set({ txFrames: transmit, rxFrames: receive }) }),
    }
    return (...words) => runEthtool(words, false, async (request) => answers[request.query]?.(request) ?? {})
  }

  it('resolve the same sequences of -K in the same way', async () => {
    const ours = card()
    const random = seededRandom(6)
    const pick = (most: number) => random.below(most)
    expect(states(await ours('-k', TAP))).toEqual(states(kernel('-k', TAP)))
    for (let sequence = 0; sequence < 60; sequence++) {
      const past: string[] = []
      kernel('-K', TAP, ...RESET)
      await ours('-K', TAP, ...RESET)
      for (let step = 0; step < 6; step++) {
        const words = Array.from({ length: 1 + (pick(4) === 0 ? 1 + pick(2) : 0) }, () => {
          return [NAMES[pick(NAMES.length)], pick(2) === 0 ? 'on' : 'off']
        }).flat()
        past.push(words.join(' '))
        const [theirs, our] = [kernel('-K', TAP, ...words), await ours('-K', TAP, ...words)]
        expect({ past, ...our }).toEqual({ past, ...theirs })
        expect({ past, states: states(await ours('-k', TAP)) }).toEqual({ past, states: states(kernel('-k', TAP)) })
      }
    }
  }, 300_000)

  it.each([
    [],
    ['-q', TAP],
    ['-k'],
    ['-k', TAP, 'more'],
    ['-K', TAP],
    ['-K', TAP, 'lro', 'on'],
    ['-K', TAP, 'lro', 'off'],
    ['-K', TAP, 'lro', 'on', 'gso', 'on'],
    ['-K', TAP, 'sg', 'on', 'sg', 'off'],
    ['-K', TAP, 'bogus', 'on'],
    ['-K', TAP, 'sg', 'on', 'bogus', 'off'],
    ['-K', TAP, 'rxvlan', 'on'],
    ['-K', TAP, 'highdma', 'off'],
    ['-G', TAP, 'bogus', '1'],
    ['-G', TAP, 'tx', 'many'],
    ['-G', TAP, 'tx', '-1'],
    ['-G', TAP, 'tx'],
    ['-C', TAP, 'bogus', '1'],
    ['-C', TAP, 'rx-usecs', 'few'],
    ['-C', TAP, 'rx-usecs'],
    ['-C', TAP],
    ['-C', TAP, 'rx-frames', '3', 'rx-frames'],
    ['-C', TAP, 'rx-frames', 'x', 'rx-frames', '1'],
    ['-C', TAP, 'rx-usecs', '0'],
    ['-C', TAP, 'rx-frames', '8', 'tx-usecs', '0'],
    ['-C', TAP, 'sample-interval', '1', 'adaptive-tx', 'on', 'rx-usecs-irq', '5'],
    ['-C', TAP, 'cqe-mode-rx', 'off', 'cqe-mode-tx', 'on'],
    ['-C', TAP, 'adaptive-rx', 'On'],
    ['-G', TAP, 'tx', '16', 'tx', '32'],
    ['-g', TAP, 'more'],
    ['-c', TAP, 'more'],
    ['-S', TAP, 'more'],
    ['-i', TAP, 'more'],
  ])('answer the same to %s %s %s %s %s', async (...words) => {
    const given = words.filter((word) => word !== undefined)
    const ours = card()
    kernel('-K', TAP, ...RESET)
    await ours('-K', TAP, ...RESET)
    expect(await ours(...given)).toEqual(only(kernel(...given)))
  })

  it('read numbers alike, and show alike what became of them', async () => {
    const ours = card()
    const shown = ({ stdout }: Result) => stdout.replace(/^tx-frames: .*$/m, 'tx-frames: n/a')
    const both = async (value: string) => {
      const words = ['-C', TAP, 'rx-frames', value]
      expect(await ours(...words)).toEqual(only(kernel(...words)))
      expect({ value, shown: shown(await ours('-c', TAP)) }).toEqual({ value, shown: kernel('-c', TAP).stdout })
    }
    const plain = ['5', '0', '64', '65', '4294967295', '4294967296', '18446744073709551619', '', 'x', '1e1', '7 ', '08']
    const signed = ['-1', '+6', '-0', '-18446744073709551613', ' 5', '\t7', '- 3']
    const hexadecimal = ['0x10', '0X1f', '0x', '0xg', '0x 5', '0x0x3', ' 0x10', '+0x10', '-0x10', '0x-3', 'ff']
    for (const value of [...plain, ...signed, ...hexadecimal]) await both(value)
  })

  it.each(['-k', '-K', '-S', '-g', '-G', '-c', '-C', '-i'])(
    'say the same of a card that is not there: %s',
    async (option) => {
      const ours = await runEthtool([option, 'none0'], false, async () => null)
      expect(ours).toEqual(only(kernel(option, 'none0')))
    },
  )
})

function only({ status, stdout, stderr }: Result): Result {
  return { status, stdout, stderr }
}

describeOnTap('ethtool on a stack that runs', ['ip', 'curl'], () => {
  const SIZE = 2 ** 29
  const SWITCHES = ['tx', 'sg', 'tso', 'gso', 'rx']
  let folder: string
  let digest: string
  let namespace: Namespace
  let up: Up

  beforeAll(async () => {
    folder = temporaryFolder()
    digest = makeFile(join(folder, 'half.bin'), SIZE)
    namespace = new Namespace()
    up = await Up.start(namespace, ['--root', folder, '--writable'])
  })

  afterAll(async () => {
    expect(await up.stop()).toBe(0)
    namespace.remove()
    removeFolder(folder)
  })

  const ethtool = (...words: string[]) =>
    namespace.run(process.execPath, [PROGRAM, 'ethtool', '--netns', namespace.name, ...words])

  /** Switches until `ended`, each combination once before any comes again. Returns how many different ones there were. */
  async function flip(ended: Promise<unknown>, seed: number): Promise<number> {
    const { path } = await chooseRunning({ netns: namespace.name })
    const random = seededRandom(seed)
    const seen = new Set<number>()
    let going = true
    void ended.finally(() => {
      going = false
    })
    for (let start = 0; going; start = random.uint32() & 31) {
      for (let at = 0; at < 32 && going; at++) {
        // An odd factor visits each of the 32 once.
        const bits = (start + at * 13) & 31
        const changes = Object.fromEntries(SWITCHES.map((name, i) => [name, (bits & (1 << i)) !== 0]))
        await ask(path, 'ethtool', { ...query('change'), changes })
        // The rings too: busy is an answer, as long as nothing is lost.
        await ask(path, 'ethtool', { ...query('resize'), transmit: 32 << (bits & 7), receive: 1 << (bits & 7) })
        // And how many frames go together, from one on.
        await ask(path, 'ethtool', { ...query('moderate'), transmit: bits & 3, receive: bits })
        seen.add(bits)
      }
    }
    return seen.size
  }

  it('switches features in the middle of a download and of an upload, and nothing is lost', async () => {
    const down = join(folder, 'down.bin')
    const download = namespace.start('curl', ['-sSf', '-o', down, `http://${STACK}/half.bin`])
    expect(await flip(download, 1)).toBe(32)
    expect(await download).toMatchObject({ status: 0, stderr: '' })
    expect(await sha256(down)).toBe(digest)
    rmSync(down)
    const upload = namespace.start('curl', ['-sSf', '-T', join(folder, 'half.bin'), `http://${STACK}/upload/up.bin`])
    expect(await flip(upload, 2)).toBe(32)
    expect(await upload).toMatchObject({ status: 0, stderr: '' })
    expect(await sha256(join(folder, 'up.bin'))).toBe(digest)
    const { stdout } = ethtool('-S', 'pw0')
    // Every rung was stood on.
    for (const name of [
      'tx_gso_hw_frames',
      'tx_gso_sw_frames',
      'tx_nogso_frames',
      'tx_linearized_frames',
      'tx_csum_sw_frames',
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {5}${name}: [1-9]`, 'm'))
    }
  }, 300_000)

  it('prints and ends as the real program does', () => {
    expect(ethtool('-K', 'pw0', 'tx', 'on', 'sg', 'on', 'tso', 'on', 'gso', 'on', 'rx', 'on').status).toBe(0)
    expect(ethtool('-K', 'pw0', 'sg', 'off').stdout).toContain('tx-generic-segmentation: off [not requested]')
    expect(ethtool('-k', 'pw0').stdout).toContain('generic-segmentation-offload: off [requested on]')
    const [json] = JSON.parse(ethtool('--json', '-k', 'pw0').stdout) as Record<string, unknown>[]
    expect(json['tx-tcp-segmentation']).toEqual({ active: false, fixed: false, requested: true })
    expect(ethtool('-K', 'pw0', 'sg', 'on').status).toBe(0)
    expect(ethtool('-i', 'pw0').stdout).toMatch(/^driver: pagewire\nversion: /)
    expect(ethtool('-G', 'pw0', 'tx', '512', 'rx', '128')).toMatchObject({ status: 0, stderr: '' })
    expect(ethtool('-g', 'pw0').stdout).toMatch(
      /^RX:\t\t4096\n[\s\S]*^TX:\t\t65536\n[\s\S]*^RX:\t\t128\n[\s\S]*^TX:\t\t512$/m,
    )
    expect(ethtool('-G', 'pw0', 'tx', '500')).toMatchObject({ status: 81, stderr: 'netlink error: Invalid argument\n' })
    expect(ethtool('-G', 'pw0', 'tx', '99999').stderr).toContain('requested ring size exceeds maximum (offset 32)')
    expect(ethtool('-k', 'pw9').stderr).toContain('No such device')
  })

  it('takes as many frames together as -C says', async () => {
    const some = join(folder, 'some.bin')
    const written = makeFile(some, 2 ** 25)
    const statistics = () => {
      const lines = ethtool('-S', 'pw0').stdout.matchAll(/^ {5}(\w+): (\d+)$/gm)
      return Object.fromEntries(Array.from(lines, ([, name, value]) => [name, Number(value)]))
    }
    /** What a download and an upload count. */
    const traffic = async () => {
      const before = statistics()
      for (const words of [
        ['-o', '/dev/null', `http://${STACK}/some.bin`],
        ['-T', some, `http://${STACK}/upload/again.bin`],
      ]) {
        expect(await namespace.start('curl', ['-sSf', ...words])).toMatchObject({ status: 0, stderr: '' })
      }
      const after = statistics()
      return Object.fromEntries(Object.keys(before).map((name) => [name, after[name] - before[name]]))
    }
    // Enough of a burst for both ways to show: super-frames cut here, and none from the kernel.
    expect(ethtool('-K', 'pw0', 'tso', 'off', 'gso', 'on', 'gro', 'on', 'rx', 'off').status).toBe(0)
    expect(ethtool('-G', 'pw0', 'tx', '1024', 'rx', '64').status).toBe(0)
    expect(ethtool('-C', 'pw0', 'rx-frames', '1', 'tx-frames', '1')).toMatchObject({
      status: 0,
      stdout: '',
      stderr: '',
    })
    expect(ethtool('-c', 'pw0').stdout).toMatch(/^rx-frames: 1\n[\s\S]*^tx-frames: 1$/m)
    const alone = await traffic()
    // Each read takes one frame, and none waits for another to be merged with.
    expect(alone['tap_rx_calls']).toBeGreaterThanOrEqual(alone['rx_packets'])
    expect(alone['rx_gro_sw_frames']).toBe(0)
    expect(ethtool('-C', 'pw0', 'rx-frames', '64', 'tx-frames', '0').status).toBe(0)
    const together = await traffic()
    expect(together['rx_gro_sw_frames']).toBeGreaterThan(0)
    expect(together['tap_rx_calls']).toBeLessThan(together['rx_packets'])
    expect(await sha256(join(folder, 'again.bin'))).toBe(written)
    expect(ethtool('-K', 'pw0', 'tso', 'on', 'rx', 'on').status).toBe(0)
  }, 120_000)
})

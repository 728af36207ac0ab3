// The real thing: the kernel's own ping and curl against `pagewire up` on a TAP, 1 GiB in each direction byte-exact, with
// every offload on, with every offload switched off, and on a TAP that has no virtio-net header at all.
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  cardCounters,
  kernelCounters,
  makeFile,
  Namespace,
  removeFolder,
  STACK,
  sha256,
  stackCounters,
  tapDropped,
  temporaryFolder,
  Up,
} from './lab.ts'
import { describeOnTap } from './requirements.ts'

const GIB = 2 ** 30

const modes: [name: string, args: string[]][] = [
  ['all offloads on', []],
  ['all offloads off', ['--features', 'tso off gso off sg off tx off rx off']],
  ['no virtio-net header', ['--no-vnet-hdr']],
]

describeOnTap('the kernel against pagewire up', ['ip', 'ping', 'curl', 'nstat'], () => {
  let folder: string
  let digest: string

  beforeAll(() => {
    folder = temporaryFolder()
    digest = makeFile(join(folder, 'gib.bin'), GIB)
  })

  afterAll(() => removeFolder(folder))

  describe.each(modes)('%s', (_, args) => {
    let namespace: Namespace
    let up: Up

    beforeAll(async () => {
      namespace = new Namespace()
      up = await Up.start(namespace, ['--root', folder, '--writable', ...args])
    })

    afterAll(async () => {
      expect(await up.stop()).toBe(0)
      expect(namespace.run('ip', ['link', 'show', 'pw0']).status).not.toBe(0)
      namespace.remove()
    })

    it('answers 1000 pings without a loss', async () => {
      const { stdout, status } = await namespace.start('ping', ['-q', '-c', '1000', '-i', '0.002', '-W', '5', STACK])
      expect(stdout).toContain('1000 received, 0% packet loss')
      expect(status).toBe(0)
    })

    it('sends 1 GiB byte-exact and nothing twice', async () => {
      const file = join(folder, 'down.bin')
      const before = kernelCounters(namespace)
      const curl = await namespace.start('curl', ['-sSf', '-o', file, `http://${STACK}/gib.bin`])
      expect(curl).toMatchObject({ status: 0, stderr: '' })
      const after = kernelCounters(namespace)
      expect(statSync(file).size).toBe(GIB)
      expect(await sha256(file)).toBe(digest)
      rmSync(file)
      expect(stackCounters(namespace)['TcpRetransSegs']).toBe(0)
      expect(after['TcpExtTCPOFOQueue'] - before['TcpExtTCPOFOQueue']).toBe(0)
      expect(after['TcpInErrs'] - before['TcpInErrs']).toBe(0)
      // A kernel that takes super-frames above 64 KiB reads them; one that does not (before Linux 6.6) says so at the first.
      const { tx_gso_hw_frames, tx_gso_hw_bytes, tx_gso_too_large } = cardCounters(namespace)
      if (tx_gso_hw_frames > 0 && tx_gso_too_large === 0) {
        expect(tx_gso_hw_bytes / tx_gso_hw_frames).toBeGreaterThan(65_600)
      }
    })

    it('takes 1 GiB byte-exact and loses nothing', async () => {
      const before = kernelCounters(namespace)
      const curl = await namespace.start('curl', [
        ...['-sSf', '-T', join(folder, 'gib.bin')],
        `http://${STACK}/upload/up.bin`,
      ])
      expect(curl).toMatchObject({ status: 0, stderr: '' })
      const after = kernelCounters(namespace)
      const file = join(folder, 'up.bin')
      expect(statSync(file).size).toBe(GIB)
      expect(await sha256(file)).toBe(digest)
      rmSync(file)
      // A kernel whose acknowledgment is late by 8 ms sends its last segment again as a probe (RFC 8985 7.2): on a machine
      // that is busy otherwise that says nothing about us. Any other retransmission does.
      const probes = after['TcpExtTCPLossProbes'] - before['TcpExtTCPLossProbes']
      expect(after['TcpRetransSegs'] - before['TcpRetransSegs']).toBeLessThanOrEqual(probes)
      expect(tapDropped(namespace)).toBe(0)
      const own = stackCounters(namespace)
      expect(own['TcpInCsumErrors']).toBe(0)
      // Super-frames came, of the kernel's making or merged by the card: fewer packets than segments.
      expect(own['IpInReceives']).toBeLessThan(own['TcpInSegs'])
    })

    it('serves 64 ranges in parallel', async () => {
      const size = GIB / 64
      const parts = await Promise.all(
        Array.from({ length: 64 }, async (_, i) => {
          const range = `${i * size}-${(i + 1) * size - 1}`
          const file = join(folder, `part-${i}`)
          const curl = await namespace.start('curl', ['-sSf', '-r', range, '-o', file, `http://${STACK}/gib.bin`])
          return { status: curl.status, file }
        }),
      )
      expect(parts.every(({ status }) => status === 0)).toBe(true)
      const whole = join(folder, 'whole.bin')
      expect(namespace.run('sh', ['-c', `cat ${parts.map(({ file }) => file).join(' ')} > ${whole}`]).status).toBe(0)
      expect(await sha256(whole)).toBe(digest)
      for (const { file } of parts) rmSync(file)
      rmSync(whole)
    })

    it('goes on when a client is killed in the middle', async () => {
      const child = namespace.spawn('curl', ['-sS', '-N', '--limit-rate', '20M', `http://${STACK}/gib.bin`])
      await new Promise((started) => child.stdout?.once('data', started))
      const gone = new Promise((done) => child.on('close', done))
      child.kill('SIGKILL')
      await gone
      const { stdout } = await namespace.start('curl', [
        '-sSf',
        '-r',
        '0-9',
        `http://${STACK}/gib.bin`,
        '-w',
        '%{http_code}',
        '-o',
        '/dev/null',
      ])
      expect(stdout).toBe('206')
    })
  })
})

// Frames that were segmented and summed in software, seen by tcpdump on the kernel's side of the TAP and judged by tshark:
// not one bad checksum, no frame above the MTU, no retransmission.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeFile, Namespace, removeFolder, STACK, temporaryFolder, Up } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const SIZE = 8 << 20
/** Bytes of a capture of all of it: before each 1448 bytes stand 66 of headers, and 16 of the capture's own. */
const RECORDED = SIZE + Math.floor(SIZE / 1448) * (66 + 16)

describeOnTap('checksums as tshark sees them', ['ip', 'curl', 'tcpdump', 'tshark'], () => {
  let folder: string

  beforeAll(() => {
    folder = temporaryFolder()
    makeFile(join(folder, 'file.bin'), SIZE)
  })

  afterAll(() => removeFolder(folder))

  it.each([
    ['offloads off', ['--features', 'tso off gso off sg off tx off rx off']],
    ['no virtio-net header', ['--no-vnet-hdr']],
  ])('%s', async (_, args) => {
    const namespace = new Namespace()
    const up = await Up.start(namespace, ['--root', folder, ...args])
    const capture = join(folder, 'capture.pcap')
    // -Q in: frames from the stack. What the kernel itself sends leaves its sums to the card and says nothing about us.
    const tcpdump = namespace.spawn('tcpdump', [
      '-Z',
      'root',
      '-i',
      'pw0',
      '-Q',
      'in',
      '-B',
      '65536',
      '-s',
      '0',
      '-U',
      '-w',
      capture,
    ])
    await new Promise<void>((listening) => {
      tcpdump.stderr?.setEncoding('utf8').on('data', (text: string) => text.includes('listening on') && listening())
    })
    expect(namespace.run('ping', ['-c', '2', '-i', '0.1', STACK]).status).toBe(0)
    expect((await namespace.start('curl', ['-sSf', '-o', '/dev/null', `http://${STACK}/file.bin`])).status).toBe(0)
    // tcpdump forgets what it has not read yet when it is told to end.
    while (statSync(capture).size < RECORDED) await new Promise((later) => setTimeout(later, 20))
    const ended = new Promise((done) => tcpdump.on('close', done))
    tcpdump.kill('SIGINT')
    await ended
    expect(await up.stop()).toBe(0)
    const tshark = namespace.run('tshark', [
      ...[
        '-r',
        capture,
        '-o',
        'tcp.check_checksum:TRUE',
        '-o',
        'ip.check_checksum:TRUE',
        '-o',
        'udp.check_checksum:TRUE',
      ],
      ...['-T', 'fields', '-e', 'frame.len', '-e', 'ip.checksum.status', '-e', 'tcp.checksum.status'],
      ...['-e', 'tcp.len', '-e', 'tcp.analysis.retransmission', '-e', 'icmp.checksum.status'],
    ])
    namespace.remove()
    const rows = tshark.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('\t'))
    const status = (column: number) => new Set(rows.map((row) => row[column]).filter((value) => value !== ''))
    expect(status(1)).toEqual(new Set(['1']))
    expect(status(2)).toEqual(new Set(['1']))
    expect(status(5)).toEqual(new Set(['1']))
    expect(status(4)).toEqual(new Set())
    expect(Math.max(...rows.map((row) => Number(row[0])))).toBeLessThanOrEqual(1514)
    const payload = rows.reduce((sum, row) => sum + Number(row[3] || 0), 0)
    expect(payload).toBeGreaterThan(SIZE)
  })
})

// A capture by Debian's tcpdump of the kernel's own TCP on both ends, replayed with our stack in the place of either: the
// connection comes about with the kernel's numbers, and every byte is taken and sent.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Namespace, PROGRAM, removeFolder, temporaryFolder } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const SERVER = '198.51.100.2'
const CLIENT = '198.51.100.1'
const REQUEST = 5_000
const ANSWER = 300_000

const SERVE = `require('net').createServer({ allowHalfOpen: true }, (socket) => {
  socket.resume().on('end', () => socket.end(Buffer.alloc(${ANSWER}, 1)))
}).listen(80, () => console.log('ready'))`
const ASK = `require('net').connect({ port: 80, host: '${SERVER}', allowHalfOpen: true }).resume().end(Buffer.alloc(${REQUEST}, 2))`
/** The last word of the recording, a datagram that nobody takes. */
const MARK = 'the end of the recording'
const TELL = `const socket = require('dgram').createSocket('udp4')
socket.send('${MARK}', 9, '${SERVER}', () => socket.close())`

describeOnTap('pagewire replay', ['ip', 'tcpdump'], () => {
  let client: Namespace
  let server: Namespace
  let folder: string
  let file: string

  beforeAll(async () => {
    folder = temporaryFolder()
    file = join(folder, 'kernel.pcap')
    client = new Namespace()
    server = new Namespace()
    const ip = (...words: string[]) => expect(spawnSync('ip', words).status, words.join(' ')).toBe(0)
    ip('link', 'add', 'va', 'netns', client.name, 'type', 'veth', 'peer', 'name', 'vb', 'netns', server.name)
    for (const [{ name }, device, address] of [
      [client, 'va', CLIENT],
      [server, 'vb', SERVER],
    ] as const) {
      ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', device)
      ip('-n', name, 'link', 'set', device, 'up')
    }
    await record()
  })

  afterAll(() => {
    client?.remove()
    server?.remove()
    if (folder) removeFolder(folder)
  })

  /** One exchange of the kernel with itself, recorded at the server. */
  async function record(): Promise<void> {
    const words = ['tcpdump', '-i', 'vb', '-U', '-B', '16384', '--immediate-mode', '-w', '-']
    const tcpdump = server.spawn(words[0], words.slice(1))
    const recorded: Buffer[] = []
    const marked = new Promise<void>((done) => {
      tcpdump.stdout?.on('data', (part: Buffer) => {
        recorded.push(part)
        if (part.includes(MARK) || Buffer.concat(recorded).includes(MARK)) done()
      })
    })
    await new Promise<void>((done) => {
      tcpdump.stderr?.on('data', (part: Buffer) => {
        if (part.includes('listening on')) done()
      })
    })
    const serving = server.spawn(process.execPath, ['-e', SERVE])
    await new Promise((done) => serving.stdout?.once('data', done))
    for (const script of [ASK, TELL]) {
      const asked = await client.start(process.execPath, ['-e', script])
      expect([asked.status, asked.stderr]).toEqual([0, ''])
    }
    // What tcpdump has not yet written when it is told to end is lost.
    await marked
    for (const child of [tcpdump, serving]) {
      const ended = new Promise((done) => child.on('close', done))
      child.kill('SIGKILL')
      await ended
    }
    writeFileSync(file, Buffer.concat(recorded))
  }

  it.each([
    [SERVER, REQUEST, ANSWER],
    [CLIENT, ANSWER, REQUEST],
  ])('as %s', (host, received, sent) => {
    const done = spawnSync(process.execPath, [PROGRAM, 'replay', file, '--host', host, '--json'], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
    expect([done.status, done.stderr]).toEqual([0, ''])
    const { connections, answers, damaged } = JSON.parse(done.stdout)
    expect(damaged).toBe(null)
    expect(connections.length).toBe(1)
    expect(connections[0]).toMatchObject({
      recorded: true,
      replayed: true,
      received: { stack: received, capture: received },
      sent: { stack: sent, capture: sent },
    })
    expect(answers.same).toBeGreaterThan(2)
  })
})

// A life with its accidents, on a real TAP: readers of different speeds, the interface going down and up in the middle of a
// transfer, the device deleted, a load of many connections, the end by Ctrl-C and by kill -9, without root.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { collect, makeFile, Namespace, PROGRAM, removeFolder, STACK, sha256, temporaryFolder, Up } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const SIZE = 64 << 20
const URL = `http://${STACK}/file.bin`

describeOnTap('pagewire up and its accidents', ['ip', 'ping', 'curl', 'wrk', 'tcpdump', 'unshare', 'nsenter'], () => {
  let folder: string
  let digest: string
  let namespace: Namespace

  beforeAll(() => {
    folder = temporaryFolder()
    digest = makeFile(join(folder, 'file.bin'), SIZE)
    chmodSync(folder, 0o755)
    namespace = new Namespace()
  })

  afterEach(() => namespace.killAll())

  afterAll(() => {
    namespace.remove()
    removeFolder(folder)
  })

  it('does not let a slow reader hold up a fast one', async () => {
    const up = await Up.start(namespace, ['--root', folder])
    const slow = namespace.spawn('curl', ['-sS', '-N', '--limit-rate', '1M', '-o', '/dev/null', URL])
    const slowEnded = new Promise((done) => slow.on('close', done))
    for (let i = 0; i < 4; i++) {
      const file = join(folder, 'fast.bin')
      expect((await namespace.start('curl', ['-sSf', '-o', file, URL])).status).toBe(0)
      expect(await sha256(file)).toBe(digest)
      rmSync(file)
    }
    expect(slow.exitCode).toBe(null)
    slow.kill('SIGKILL')
    await slowEnded
    expect(await up.stop()).toBe(0)
  })

  it('goes on after the interface went down and up in the middle of a transfer', async () => {
    const up = await Up.start(namespace, ['--root', folder])
    const file = join(folder, 'updown.bin')
    const curl = namespace.spawn('curl', ['-sSf', '--limit-rate', '40M', '-o', file, URL])
    const result = collect(curl)
    // What the program says of the link, and the file that grows, are what is waited for.
    while (!(statSync(file, { throwIfNoEntry: false })?.size ?? 0)) await new Promise((later) => setTimeout(later, 5))
    expect(namespace.run('ip', ['link', 'set', 'pw0', 'down']).status).toBe(0)
    await up.waitFor(/pw0 is down/)
    expect(namespace.run('ip', ['link', 'set', 'pw0', 'up']).status).toBe(0)
    await up.waitFor(/pw0 is up again/)
    expect(await result).toMatchObject({ status: 0 })
    expect(await sha256(file)).toBe(digest)
    rmSync(file)
    expect(await up.stop()).toBe(0)
  })

  it('says so and ends when the device is deleted under it', async () => {
    const up = await Up.start(namespace, ['--root', folder])
    const ended = new Promise((done) => up.child.on('close', done))
    expect(namespace.run('ip', ['link', 'del', 'pw0']).status).toBe(0)
    expect(await ended).toBe(1)
    expect(up.output).toMatch(/pw0.*(gone|deleted)/)
  })

  it('serves a load of 64 connections without an error', async () => {
    const up = await Up.start(namespace, ['--root', folder])
    const { stdout, status } = await namespace.start('wrk', ['-t1', '-c64', '-d3s', `http://${STACK}/`])
    expect(status).toBe(0)
    expect(stdout).toMatch(/requests in/)
    expect(stdout).not.toMatch(/Socket errors|Non-2xx/)
    expect(await up.stop()).toBe(0)
  })

  it('captures what is on the wire while it runs', async () => {
    const up = await Up.start(namespace, ['--root', folder])
    const file = join(folder, 'capture.pcapng')
    const capture = namespace.spawn(process.execPath, [PROGRAM, 'tcpdump', '-w', file, '-c', '50'])
    await new Promise<void>((listening) => {
      capture.stderr?.setEncoding('utf8').on('data', (text: string) => text.includes('listening on') && listening())
    })
    const ended = new Promise((done) => capture.on('close', done))
    expect((await namespace.start('curl', ['-sSf', '-o', '/dev/null', URL])).status).toBe(0)
    expect(await ended).toBe(0)
    const { stdout, status } = namespace.run('tcpdump', ['-n', '-r', file])
    expect(status).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(50)
    expect(stdout).toContain(`${STACK}.80`)
    expect(await up.stop()).toBe(0)
  })

  it('pings the kernel from the stack', async () => {
    const up = await Up.start(namespace)
    const { stdout, status } = await namespace.start(process.execPath, [
      PROGRAM,
      'ping',
      '-c',
      '3',
      '-i',
      '0.01',
      '192.0.2.1',
    ])
    expect(stdout).toMatch(/3 packets transmitted, 3 received, 0% packet loss/)
    expect(status).toBe(0)
    expect(await up.stop()).toBe(0)
  })

  it('starts again after kill -9, which left at most a stale control socket', async () => {
    const first = await Up.start(namespace)
    const ended = new Promise((done) => first.child.on('close', done))
    first.child.kill('SIGKILL')
    await ended
    expect(namespace.run('ip', ['link', 'show', 'pw0']).status).not.toBe(0)
    const second = await Up.start(namespace)
    expect((await namespace.start('ping', ['-c', '1', STACK])).status).toBe(0)
    expect(await second.stop()).toBe(0)
  })

  it('says what is wrong when the TAP is taken', async () => {
    const up = await Up.start(namespace)
    const { status, stderr } = await namespace.start(process.execPath, [PROGRAM, 'up'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/pw0/)
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(3)
    expect(await up.stop()).toBe(0)
  })

  it('makes and removes a namespace of its own with --netns', async () => {
    const name = `${namespace.name}-own`
    const child = spawn(process.execPath, [PROGRAM, 'up', '--netns', name], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const ready = new Promise<void>((done) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (/curl http:/.test(output)) done()
      })
    })
    const ended = new Promise((done) => child.on('close', done))
    await Promise.race([ready, ended])
    expect(output).toContain(`ip netns exec ${name} ping`)
    expect(spawnSync('ip', ['netns', 'exec', name, 'ping', '-c', '1', STACK]).status).toBe(0)
    child.kill('SIGINT')
    expect(await ended).toBe(0)
    expect(readdirSync('/run/netns')).not.toContain(name)
  })

  it('runs without root in a user and network namespace of its own', async () => {
    // A node of mode 0666 in a mount namespace of our own, and a user who is nobody.
    const script = [
      'set -e',
      'mkdir -p "$1/dev"',
      'mount -t tmpfs tmpfs "$1/dev"',
      'mknod "$1/dev/tun" c 10 200 && chmod 666 "$1/dev/tun"',
      'mount --bind "$1/dev/tun" /dev/net/tun',
      // The checkout and Node may lie where nobody may look.
      'mkdir -p "$1/house" && mount --bind "$PWD" "$1/house"',
      'touch "$1/node" && mount --bind "$2" "$1/node"',
      'exec setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp XDG_RUNTIME_DIR= "$1/node" "$1/house/$3" up',
    ].join('\n')
    const program = relative(process.cwd(), PROGRAM)
    const child = spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', folder, process.execPath, program], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    const ready = new Promise<void>((done) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text
          if (/nsenter .*curl http:/.test(output)) done()
        })
      }
    })
    const ended = new Promise((done) => child.on('close', done))
    await Promise.race([ready, ended])
    const line = /(nsenter .*ping) /.exec(output)
    expect(line, output).not.toBe(null)
    const [, enter] = line as RegExpExecArray
    const asNobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'sh', '-c']
    expect(spawnSync('setpriv', [...asNobody, `${enter} -c 1 ${STACK}`]).status).toBe(0)
    child.kill('SIGINT')
    expect(await ended).toBe(0)
  })
})

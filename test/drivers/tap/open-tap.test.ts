// What can be missing for a TAP, each in a namespace where it is missing.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import {
  addonAvailable,
  configureInterface,
  interfaceInfo,
  nativeMemory,
  type OpenTapOptions,
  openTap,
  TapError,
  type TapPort,
} from '../../../drivers/tap/index.ts'
import { describeInNamespace, describeOutside, leaveOut } from '../../native/namespace.ts'

function errorOf(run: () => unknown): TapError {
  try {
    run()
  } catch (error) {
    if (error instanceof TapError) return error
    throw error
  }
  throw new Error('no error')
}

function must(command: string): void {
  const done = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`)
}

describeOutside('opening a TAP', () => {
  it('needs the addon, which is here', () => {
    expect(addonAvailable()).toBe(true)
    const memory = nativeMemory()
    const region = memory.allocate(65536)
    expect(memory.regions).toBe(1)
    expect(region.buffer.byteLength).toBe(65536)
    memory.release(region)
    memory.release(region)
    expect(memory.regions).toBe(0)
  })

  it('refuses names that are none', () => {
    for (const name of [
      '',
      'a name',
      'sixteen-bytes-xx',
      'a/b',
      'a:b',
      '.',
      '..',
      'pw%d',
      'ünicode-ünicod',
      'a\n',
      'a\0b',
    ]) {
      const error = errorOf(() => openTap({ name }))
      expect(error.code).toBe('EINVAL')
      expect(error.message).toContain(JSON.stringify(name))
      expect(error.hint).toMatch(/15 bytes/)
    }
  })

  it('refuses sizes that are none', () => {
    for (const bad of [
      { ringSize: 31 },
      { ringSize: 100 },
      { receiveRingSize: 0 },
      { receivePages: 0 },
      { ringSize: 1.5 },
    ]) {
      expect(() => openTap({ name: 'pw0', ...bad })).toThrow(RangeError)
    }
  })

  it('says that there is no device node', () => {
    const error = errorOf(() => openTap({ name: 'pwnone', device: '/nonexistent/net/tun' }))
    expect(error.code).toBe('ENODEVICE')
    expect(error.message).toBe('there is no device node /nonexistent/net/tun')
    expect(error.hint).toMatch(/modprobe tun.*mknod \/nonexistent\/net\/tun c 10 200/)
  })

  it('says that a device is no TUN', () => {
    const error = errorOf(() => openTap({ name: 'pwnone', device: '/dev/null' }))
    expect(error.message).toMatch(/cannot attach to pwnone/)
  })

  it('says that an interface is not there', () => {
    const error = errorOf(() => openTap({ name: 'pwnone', create: false }))
    expect(error.code).toBe('ENOENT')
    expect(error.hint).toContain('ip tuntap add pwnone mode tap vnet_hdr')
    expect(interfaceInfo('pwnone')).toBe(null)
    expect(errorOf(() => configureInterface('pwnone', { up: true })).code).toBe('ENOENT')
  })
})

describeInNamespace('opening a TAP in a namespace', import.meta.url, () => {
  const ports: TapPort[] = []

  afterEach(() => {
    process.seteuid?.(0)
    for (const port of ports.splice(0)) port.close()
  })

  function open(options: OpenTapOptions): TapPort {
    const port = openTap(options)
    ports.push(port)
    return port
  }

  it('says that the name is taken', () => {
    const error = errorOf(() => open({ name: 'lo' }))
    expect(error.code).toBe('EEXIST')
    expect(error.message).toMatch(/lo is taken/)
    must('ip tuntap add pwmq mode tap multi_queue')
    expect(errorOf(() => open({ name: 'pwmq' })).hint).toContain('multi_queue')
    must('ip tuntap del pwmq mode tap multi_queue')
    must('ip tuntap add pwtun mode tun')
    expect(errorOf(() => open({ name: 'pwtun' })).code).toBe('EEXIST')
    must('ip tuntap del pwtun mode tun')
  })

  it('says that another process has it', () => {
    open({ name: 'pw0' })
    const error = errorOf(() => open({ name: 'pw0' }))
    expect(error.code).toBe('EBUSY')
    expect(error.hint).toContain('fuser')
  })

  it('leaves nothing behind when a step fails', () => {
    expect(errorOf(() => open({ name: 'pw0', mtu: 1 })).code).toBe('EINVAL')
    expect(errorOf(() => open({ name: 'pw0', sendBuffer: 0 })).code).toBe('EINVAL')
    expect(interfaceInfo('pw0')).toBe(null)
    expect(open({ name: 'pw0' }).created).toBe(true)
  })

  it('sets what it is told to', () => {
    const port = open({ name: 'pw0', mtu: 9000, txQueueLength: 77 })
    expect(port.mtu).toBe(9000)
    expect(port.up).toBe(false)
    configureInterface('pw0', {
      address: ['192.0.2.1/25', '2001:db8::1/64'],
      mac: '02-00-5E-00-00-07',
      up: true,
    })
    const info = interfaceInfo('pw0')
    expect(info).toMatchObject({ up: true, running: true, mtu: 9000, txQueueLength: 77, mac: '02:00:5e:00:00:07' })
    expect(info?.addresses).toEqual(expect.arrayContaining(['192.0.2.1/25', '2001:db8::1/64']))
    configureInterface('pw0', { address: '192.0.2.9/24', mtu: 1400, txQueueLength: 10 })
    expect(interfaceInfo('pw0')).toMatchObject({ mtu: 1400, txQueueLength: 10 })
    expect(interfaceInfo('pw0')?.addresses).toContain('192.0.2.9/24')
    configureInterface('pw0', { up: false })
    expect(interfaceInfo('pw0')?.up).toBe(false)
  })

  it('refuses addresses that are none, or in use', () => {
    open({ name: 'pw0' })
    open({ name: 'pw1' })
    for (const address of ['', 'x', '192.0.2.1/33', '1.2.3', '0.0.0.0/8', '224.0.0.1/24', '192.0.2.01/24']) {
      expect(errorOf(() => configureInterface('pw0', { address })).code).toBe('EINVAL')
    }
    expect(errorOf(() => configureInterface('pw0', { mac: 'x' })).code).toBe('EINVAL')
    configureInterface('pw0', { address: ['192.0.2.1/24', '2001:db8::1/64'], up: true })
    // Again is no conflict.
    configureInterface('pw0', { address: '192.0.2.1/24' })
    for (const [address, text] of [
      ['192.0.2.1/32', /the address 192.0.2.1 is in use on pw0/],
      ['192.0.2.7/24', /the network of 192.0.2.7\/24 is in use on pw0 \(192.0.2.1\)/],
      ['2001:db8::1/128', /2001:db8::1 is in use on pw0/],
      ['2001:db8::7/64', /the network of/],
    ] as const) {
      const error = errorOf(() => configureInterface('pw1', { address }))
      expect(error.code).toBe('EADDRINUSE')
      expect(error.message).toMatch(text)
    }
    configureInterface('pw1', { address: '192.0.2.129/25', up: true })
    configureInterface('pw1', { address: '198.51.100.1/24', up: true })
  })

  it('says what permission is missing, and how to give it', (context) => {
    if (process.getuid?.() !== 0 || !canBecomeNobody()) return leaveOut(context, 'permissions: run as root')
    const folder = mkdtempSync(join(tmpdir(), 'pagewire-test-'))
    try {
      const [closed, opened] = [join(folder, 'closed'), join(folder, 'opened')]
      must(`chmod 755 ${folder}; mknod -m 600 ${closed} c 10 200; mknod -m 666 ${opened} c 10 200`)
      must('ip tuntap add pwmine mode tap user 65534 vnet_hdr; ip tuntap add pwyours mode tap user 12345 vnet_hdr')
      process.seteuid?.(65534)
      const node = errorOf(() => open({ name: 'pw0', device: closed }))
      expect([node.code, node.message]).toEqual(['EPERM', `no permission to open ${closed}`])
      expect(node.hint).toMatch(/ip tuntap add pw0 mode tap user \S+ vnet_hdr/)
      const create = errorOf(() => open({ name: 'pw0', device: opened }))
      expect([create.code, create.message]).toEqual(['EPERM', 'no permission to create pw0'])
      expect(create.hint).toMatch(/ip tuntap add pw0 mode tap user \S+ vnet_hdr/)
      const attach = errorOf(() => open({ name: 'pwyours', device: opened }))
      expect(attach.message).toMatch(/pwyours: it belongs to another user/)
      // The one that root made for this user.
      const port = open({ name: 'pwmine', device: opened })
      expect(port.capabilities.tso4).toBe(true)
      expect(errorOf(() => configureInterface('pwmine', { up: true })).code).toBe('EPERM')
    } finally {
      process.seteuid?.(0)
      rmSync(folder, { recursive: true })
    }
  })
})

function canBecomeNobody(): boolean {
  try {
    process.seteuid?.(65534)
    process.seteuid?.(0)
    return true
  } catch {
    return false
  }
}

describe('a TapError', () => {
  it('is an Error with a code and a hint', () => {
    const error = new TapError('EBUSY', 'message', 'hint')
    expect(error).toBeInstanceOf(Error)
    expect([error.name, error.code, error.message, error.hint]).toEqual(['TapError', 'EBUSY', 'message', 'hint'])
  })
})

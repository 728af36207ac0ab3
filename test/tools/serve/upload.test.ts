// Uploads as a client sees them, and what they leave in the folder.
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { received, ServiceFixture } from './service-fixture.ts'

let service: ServiceFixture
const content = Buffer.alloc(5_000_000, 'pagewire')
const read = (name: string) => readFileSync(join(service.folder, name))
const temporaries = () => readdirSync(service.folder).filter((name) => name.startsWith('.pagewire-upload'))

beforeAll(async () => {
  service = await ServiceFixture.start({
    writable: true,
    fill(folder) {
      mkdirSync(join(folder, 'folder'))
      writeFileSync(join(folder, '.pagewire-upload-999999999-dead'), 'half')
      writeFileSync(join(folder, `.pagewire-upload-${process.pid}-alive`), 'half')
      writeFileSync(join(folder, '..target'), 'untouched')
      symlinkSync('..target', join(folder, 'link'))
    },
  })
})

afterAll(() => service.stop())

it('sweeps away what a killed process left, and only that', () => {
  expect(temporaries()).toEqual([`.pagewire-upload-${process.pid}-alive`])
})

describe('PUT /upload/NAME', () => {
  it('makes a file (201), replaces it (204), and serves it', async () => {
    const created = await service.ask('/upload/new%20name', { method: 'PUT', body: content })
    expect(created).toMatchObject({ status: 201, headers: { location: '/new%20name' } })
    expect(read('new name').equals(content)).toBe(true)
    const replaced = await service.ask('/upload/new%20name', { method: 'PUT', body: Buffer.from('short') })
    expect(replaced.status).toBe(204)
    for (const path of ['/new%20name', '/upload/new%20name']) {
      const got = await service.ask(path)
      expect(got.body.toString()).toBe('short')
      expect(got.headers.etag).toBe(replaced.headers.etag)
    }
  })

  it('takes an empty file and a chunked one', async () => {
    expect((await service.ask('/upload/empty', { method: 'PUT', body: Buffer.alloc(0) })).status).toBe(201)
    expect(read('empty').length).toBe(0)
    const chunked = await service.ask('/upload/chunked', {
      method: 'PUT',
      headers: { 'transfer-encoding': 'chunked' },
      body: content,
    })
    expect(chunked.status).toBe(201)
    expect(read('chunked').equals(content)).toBe(true)
  })

  it('continues when it is asked first, as curl asks', async () => {
    const socket = service.raw(
      'PUT /upload/asked HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
    )
    const all = received(socket)
    await new Promise<void>((first) => socket.once('data', () => first()))
    socket.write('hello')
    const text = await all
    expect(text).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 201 Created/)
    expect(read('asked').toString()).toBe('hello')
  })

  it('does not continue when it refuses', async () => {
    const socket = service.raw(
      'PUT /upload/folder HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
    )
    expect(await received(socket)).toMatch(/^HTTP\/1.1 409 /)
  })

  it('replaces a symbolic link, not what it points at', async () => {
    expect((await service.ask('/upload/link', { method: 'PUT', body: Buffer.from('mine') })).status).toBe(204)
    expect(read('link').toString()).toBe('mine')
    expect(read('..target').toString()).toBe('untouched')
  })

  it.each<[string, Record<string, string>, number]>([
    ['/upload/folder', {}, 409],
    ['/upload/', {}, 405],
    ['/upload', {}, 404],
    ['/upload/a/b', {}, 404],
    ['/upload/..%2fx', {}, 400],
    ['/upload/../x', {}, 400],
    ['/upload/%00', {}, 400],
    ['/upload/.pagewire', {}, 404],
    ['/upload/.pagewire-upload-1-x', {}, 404],
    [`/upload/${'x'.repeat(256)}`, {}, 414],
    ['/elsewhere', {}, 405],
    ['/', {}, 405],
    ['/upload/part', { 'content-range': 'bytes 0-4/10' }, 400],
    ['/upload/empty', { 'if-none-match': '*' }, 412],
  ])('PUT %s %o: %i', async (path, headers, status) => {
    const before = readdirSync(service.folder)
    expect((await service.ask(path, { method: 'PUT', headers, body: Buffer.from('hello') })).status).toBe(status)
    expect(readdirSync(service.folder)).toEqual(before)
  })

  it('leaves nothing when the client goes away in the middle', async () => {
    const socket = service.raw('PUT /upload/half HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsome bytes')
    await expect.poll(() => temporaries().length).toBe(2)
    socket.destroy()
    await expect.poll(() => temporaries().length).toBe(1)
    expect(readdirSync(service.folder)).not.toContain('half')
  })

  it('keeps the longest of two that come together whole', async () => {
    const put = (fill: string) => service.ask('/upload/race', { method: 'PUT', body: Buffer.alloc(400_000, fill) })
    const answers = await Promise.all([put('a'), put('b')])
    for (const { status } of answers) expect([201, 204]).toContain(status)
    expect(['a', 'b'].some((fill) => read('race').equals(Buffer.alloc(400_000, fill)))).toBe(true)
  })
})

it('refuses everything without --writable', async () => {
  const readOnly = await ServiceFixture.start()
  const { status, body } = await readOnly.ask('/upload/name', { method: 'PUT', body: content })
  expect(status).toBe(403)
  expect(body.toString()).toContain('--writable')
  expect(readdirSync(readOnly.folder)).toEqual([])
  await readOnly.stop()
})

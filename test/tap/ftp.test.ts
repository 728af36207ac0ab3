// Debian's own FTP clients against `pagewire ftpd` and `pagewire up` on a TAP: downloads, resumed ones, listings, uploads and the
// mirror of a tree, byte-exact.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeFile, Namespace, removeFolder, STACK, sha256, temporaryFolder, Up } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const SIZE = 64 * 2 ** 20
const URL = `ftp://${STACK}`

describeOnTap('FTP clients against pagewire', ['ip', 'curl', 'lftp'], () => {
  let folder: string
  let mine: string
  let digest: string
  let namespace: Namespace
  let up: Up

  const curl = (...args: string[]) => namespace.start('curl', ['-sSf', ...args])
  const lftp = (script: string) =>
    namespace.start('lftp', ['-c', `set net:max-retries 1; set net:timeout 20; open ${URL}; ${script}; bye`])

  beforeAll(() => {
    folder = temporaryFolder()
    mine = temporaryFolder()
    digest = makeFile(join(folder, 'large.bin'), SIZE)
    for (let i = 0; i < 40; i++) {
      const place = join(folder, 'tree', `folder ${i % 5}`, `deep${i % 3}`)
      mkdirSync(place, { recursive: true })
      writeFileSync(join(place, `file ${i} \u00e9 "q"`), Buffer.alloc(i * 4099, `line ${i}\n`))
    }
  })

  afterAll(() => {
    removeFolder(folder)
    removeFolder(mine)
  })

  describe('pagewire ftpd --writable', () => {
    beforeAll(async () => {
      namespace = new Namespace()
      up = await Up.start(namespace, ['--root', folder, '--writable'], 'ftpd')
    })

    afterAll(async () => {
      expect(await up.stop()).toBe(0)
      namespace.remove()
    })

    it.each([
      ['EPSV', []],
      ['PASV', ['--disable-epsv']],
    ])('curl downloads by %s', async (_, args) => {
      const file = join(mine, 'whole.bin')
      expect(await curl(...args, '-o', file, `${URL}/large.bin`)).toMatchObject({ status: 0, stderr: '' })
      expect(await sha256(file)).toBe(digest)
    })

    it('curl resumes, and takes ranges', async () => {
      const file = join(mine, 'resumed.bin')
      await curl('-o', file, `${URL}/large.bin`)
      truncateSync(file, 22_000_001)
      expect(await curl('-C', '-', '-o', file, `${URL}/large.bin`)).toMatchObject({ status: 0, stderr: '' })
      expect(await sha256(file)).toBe(digest)
      const part = join(mine, 'part.bin')
      expect((await curl('-r', '1000-1999', '-o', part, `${URL}/large.bin`)).status).toBe(0)
      expect(readFileSync(part).equals(readFileSync(file).subarray(1000, 2000))).toBe(true)
    })

    it('curl lists', async () => {
      const { stdout } = await curl(`${URL}/`)
      expect(stdout).toMatch(/^drwxr-xr-x .* tree$/m)
      expect(stdout).toMatch(new RegExp(`^-rw-r--r-- .* ${SIZE} .* large\\.bin$`, 'm'))
      expect((await curl('-l', `${URL}/tree/`)).stdout.trim().split(/\r?\n/).sort()).toEqual(
        readdirSync(join(folder, 'tree')).sort(),
      )
    })

    it('curl uploads, and goes on with an upload', async () => {
      const file = join(folder, 'large.bin')
      expect(await curl('-T', file, `${URL}/tree/up.bin`)).toMatchObject({ status: 0, stderr: '' })
      const there = join(folder, 'tree', 'up.bin')
      expect(await sha256(there)).toBe(digest)
      truncateSync(there, SIZE / 2)
      expect(await curl('-C', '-', '-T', file, `${URL}/tree/up.bin`)).toMatchObject({ status: 0, stderr: '' })
      expect(await sha256(there)).toBe(digest)
      expect((await curl('-Q', 'DELE large.bin', `${URL}/`)).status).not.toBe(0)
    })

    it('lftp mirrors a tree, several files at once', async () => {
      const copy = join(mine, 'copy')
      expect(await lftp(`mirror --parallel=4 tree ${copy}`)).toMatchObject({ status: 0, stderr: '' })
      const same = namespace.run('diff', ['-r', join(folder, 'tree'), copy])
      expect(same).toMatchObject({ status: 0, stdout: '' })
    })

    it.each(['A', 'I'])('curl sees a reset when the file becomes shorter in the middle, type %s', async (type) => {
      const shrinks = join(folder, 'shrinks.bin')
      const part = join(mine, `part-${type}.bin`)
      makeFile(shrinks, SIZE)
      const flags = type === 'A' ? ['--use-ascii'] : []
      const download = curl(...flags, '--limit-rate', '4M', '-o', part, `${URL}/shrinks.bin`)
      await expect
        .poll(() => statSync(part, { throwIfNoEntry: false })?.size ?? 0, { timeout: 20_000 })
        .toBeGreaterThan(0)
      truncateSync(shrinks, 1000)
      // CURLE_RECV_ERROR: an orderly end would be CURLE_PARTIAL_FILE in type I, and none at all in type A.
      expect((await download).status).toBe(56)
      rmSync(shrinks)
    })

    it('curl --use-ascii gets and puts lines', async () => {
      const lines = 'one\ntwo\n\nthree\n'.repeat(10_000)
      const text = join(mine, 'text.txt')
      const back = join(mine, 'back.txt')
      writeFileSync(text, lines)
      expect(await curl('--use-ascii', '-T', text, `${URL}/tree/text.txt`)).toMatchObject({ status: 0, stderr: '' })
      expect(readFileSync(join(folder, 'tree', 'text.txt'), 'utf8') === lines).toBe(true)
      expect(await curl('--use-ascii', '-o', back, `${URL}/tree/text.txt`)).toMatchObject({ status: 0, stderr: '' })
      expect(readFileSync(back, 'utf8') === lines).toBe(true)
      rmSync(join(folder, 'tree', 'text.txt'))
    })

    it('lftp mirrors a tree to the server, and goes on with an upload', async () => {
      expect(await lftp(`mirror -R --parallel=3 ${join(folder, 'tree')} put/here`)).toMatchObject({ status: 0 })
      const same = namespace.run('diff', ['-r', join(folder, 'tree'), join(folder, 'put', 'here')])
      expect(same).toMatchObject({ status: 0, stdout: '' })
      const there = join(folder, 'put', 'large.bin')
      expect(await lftp(`put ${join(folder, 'large.bin')} -o put/large.bin`)).toMatchObject({ status: 0 })
      expect(await sha256(there)).toBe(digest)
      truncateSync(there, 12_345_678)
      expect(await lftp(`put -c ${join(folder, 'large.bin')} -o put/large.bin`)).toMatchObject({ status: 0 })
      expect(await sha256(there)).toBe(digest)
      removeFolder(join(folder, 'put'))
    })

    it('lftp resumes', async () => {
      const file = join(mine, 'lftp.bin')
      await lftp(`get large.bin -o ${file}`)
      truncateSync(file, 13_000_001)
      expect(await lftp(`get -c large.bin -o ${file}`)).toMatchObject({ status: 0 })
      expect(statSync(file).size).toBe(SIZE)
      expect(await sha256(file)).toBe(digest)
    })
  })

  describe('pagewire up', () => {
    beforeAll(async () => {
      namespace = new Namespace()
      up = await Up.start(namespace, ['--root', folder, '--writable'])
    })

    afterAll(async () => {
      expect(await up.stop()).toBe(0)
      namespace.remove()
    })

    it('serves by FTP too, read only, and says so', async () => {
      await up.waitFor(/curl ftp:\/\/192\.0\.2\.2\//)
      const file = join(mine, 'up.bin')
      expect(await curl('-o', file, `${URL}/large.bin`)).toMatchObject({ status: 0, stderr: '' })
      expect(await sha256(file)).toBe(digest)
      expect((await curl('-T', file, `${URL}/not.bin`)).status).toBe(25)
      expect(readdirSync(folder)).not.toContain('not.bin')
    })
  })
})

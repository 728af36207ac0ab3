// Loading the addon where there is none, or the wrong one: an Error that says what to do, never an exception.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addonOrFail } from './addon.ts'

describe('the loader', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pagewire-test-'))
    mkdirSync(join(folder, 'native'))
    cpSync(resolve('native/index.ts'), join(folder, 'native/index.ts'))
    cpSync(resolve('native/binding.gyp'), join(folder, 'native/binding.gyp'))
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  async function load(): Promise<unknown> {
    const { loadAddon } = await import(/* @vite-ignore */ pathToFileURL(join(folder, 'native/index.ts')).href)
    return loadAddon()
  }

  function install(name: string, code: string): void {
    const at = join(folder, 'node_modules', name)
    mkdirSync(at, { recursive: true })
    writeFileSync(join(at, 'index.js'), code)
  }

  it('says that there is no binary', async () => {
    cpSync(resolve('node_modules/node-gyp-build'), join(folder, 'node_modules/node-gyp-build'), { recursive: true })
    const error = await load()
    expect(error).toBeInstanceOf(Error)
    expect((error as Error).message).toMatch(/the addon cannot be loaded: No native build was found for platform=linux/)
  })

  it('says that the binary is of other sources', async () => {
    install('node-gyp-build', 'module.exports = () => ({ faceVersion: 0 })')
    expect(((await load()) as Error).message).toMatch(/npm run build:native/)
  })

  it('takes another binary when it is told to', async () => {
    install('node-gyp-build', 'module.exports = () => ({ faceVersion: 0 })')
    const other = join(folder, 'other.cjs')
    writeFileSync(other, `module.exports = { faceVersion: ${addonOrFail().faceVersion}, other: true }`)
    const { loadAddon, useAddon } = await import(/* @vite-ignore */ pathToFileURL(join(folder, 'native/index.ts')).href)
    useAddon(other)
    expect(loadAddon()).toMatchObject({ other: true })
    useAddon(join(folder, 'nothing.cjs'))
    expect(loadAddon().message).toMatch(/the addon cannot be loaded: Cannot find module/)
  })

  it('says that it does not load', async () => {
    install('node-gyp-build', "module.exports = () => { throw new Error('wrong ELF class') }")
    expect(((await load()) as Error).message).toBe('the addon cannot be loaded: wrong ELF class')
  })
})

// The version of the package this program belongs to, from its package.json: it lies above the sources and above the
// compiled program alike.

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const VERSION = findVersion(dirname(fileURLToPath(import.meta.url)))

function findVersion(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = readManifest(join(folder, 'package.json'))
    if (manifest?.name === 'pagewire') return manifest.version ?? '0.0.0'
    if (dirname(folder) === folder) return '0.0.0'
  }
}

function readManifest(path: string): { name?: string; version?: string } | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}

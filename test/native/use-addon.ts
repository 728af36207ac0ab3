// Set up before each test file when PAGEWIRE_TEST_ADDON names another binary of the addon than the package's own.

import { loadAddon, useAddon } from '../../native/index.ts'

const path = process.env['PAGEWIRE_TEST_ADDON']
if (path) {
  useAddon(path)
  const addon = loadAddon()
  if (addon instanceof Error) throw addon
}

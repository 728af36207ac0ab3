import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The same tests on another binary of the addon (test/memory).
    setupFiles: process.env['PAGEWIRE_TEST_ADDON'] ? ['test/native/use-addon.ts'] : [],
    pool: 'forks',
    // Two cores, and the tests on the real TAP measure nothing: two files at a time is what keeps both busy.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
})

// Files as pages: what the rest of drivers/ uses of it.

export { changedError, loadError } from './file-error.ts'
export { Files, type FileUser } from './files.ts'
export { MappedCopy } from './mapped-copy.ts'
export { MappedStore } from './mapped-store.ts'
export { ReadStore } from './read-store.ts'
export type { FileSource, FileStore } from './store.ts'

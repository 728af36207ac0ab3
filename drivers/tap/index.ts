// The TAP driver: what the rest of drivers/ and the tools use of it.

export { addonAvailable, NativeMemory, nativeMemory, needAddon } from './addon.ts'
export { configureInterface, type InterfaceInfo, type InterfaceSettings, interfaceInfo } from './interface.ts'
export { NativeTimer } from './native-timer.ts'
export { type OpenTapOptions, openTap } from './open-tap.ts'
export { TapError } from './tap-error.ts'
export { TapPort } from './tap-port.ts'

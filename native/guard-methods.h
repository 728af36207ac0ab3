// The guard of payload-guard.h as functions of the addon: of the build of guarded/ only.

#pragma once

#include <napi.h>

namespace pagewire {

#ifdef PAGEWIRE_GUARD
// guardPayload(bytes): guards the whole pages within a Uint8Array, and gives a Uint8Array of them. unguardPayload(bytes).
void DefineGuard(Napi::Env env, Napi::Object exports);
#else
inline void DefineGuard(Napi::Env, Napi::Object) {}
#endif

}  // namespace pagewire

// What one environment (the main thread, a worker) has of the addon: everything hangs on it, nothing is static, so any
// number of environments use the addon at once without knowing of each other.

#pragma once

#include <napi.h>

#include "arena.h"
#include "mapped-file.h"

namespace pagewire {

class Instance : public Napi::Addon<Instance> {
 public:
  Instance(Napi::Env env, Napi::Object exports);

  Arena arena;
  Unmapper unmapper;

 private:
  Napi::Value RegisterRegion(const Napi::CallbackInfo& info);
  Napi::Value UnregisterRegion(const Napi::CallbackInfo& info);
  Napi::Value RegionCount(const Napi::CallbackInfo& info);
};

}  // namespace pagewire

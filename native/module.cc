// What the addon exports. The typed face is index.ts.

#include <napi.h>

#include "arguments.h"
#include "guard-methods.h"
#include "instance.h"
#include "interface.h"
#include "link-watch.h"
#include "mapped-file.h"
#include "region-methods.h"
#include "tap.h"
#include "timer.h"

namespace pagewire {

// Counts up with every change of what is exported, so that a stale build is found when it is loaded (index.ts).
constexpr int kFaceVersion = 5;

Instance::Instance(Napi::Env env, Napi::Object exports) : arena(env) {
  DefineAddon(exports, {InstanceMethod<&Instance::RegisterRegion>("registerRegion"),
                        InstanceMethod<&Instance::UnregisterRegion>("unregisterRegion"),
                        InstanceMethod<&Instance::RegionCount>("regionCount")});
  exports.Set("faceVersion", kFaceVersion);
  DefineRegionMethods(env, exports);
  exports.Set("MappedFile", MappedFile::Define(env));
  exports.Set("Tap", Tap::Define(env));
  exports.Set("Timer", Timer::Define(env));
  exports.Set("LinkWatch", LinkWatch::Define(env));
  DefineInterface(env, exports);
  DefineGuard(env, exports);
}

Napi::Value Instance::RegisterRegion(const Napi::CallbackInfo& info) { return Number(info, arena.Register(info[0])); }

Napi::Value Instance::UnregisterRegion(const Napi::CallbackInfo& info) {
  std::shared_ptr<Mapping> mapping;
  const int32_t error = arena.Unregister(Uint(info, 0), &mapping);
  if (mapping) unmapper.Unmap(info.Env(), std::move(mapping));
  return Number(info, error);
}

Napi::Value Instance::RegionCount(const Napi::CallbackInfo& info) {
  return Number(info, static_cast<int32_t>(arena.live()));
}

}  // namespace pagewire

namespace pagewire_module {
using pagewire::Instance;
NODE_API_ADDON(Instance)
}  // namespace pagewire_module

// Arguments in, a number out.

#include "region-methods.h"

#include <cerrno>

#include "arguments.h"
#include "guarded-copy.h"
#include "instance.h"
#include "pieces.h"

namespace pagewire {

namespace {

Arena* ArenaOf(const Napi::CallbackInfo& info) { return &info.Env().GetInstanceData<Instance>()->arena; }

// Null when it is no Uint8Array, or detached.
Target BytesOf(const Napi::CallbackInfo& info, size_t index) {
  napi_typedarray_type type;
  Target bytes;
  void* data = nullptr;
  if (!info[index].IsTypedArray()) return {};
  const napi_status status =
      napi_get_typedarray_info(info.Env(), info[index], &type, &bytes.room, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_uint8_array) return {};
  bytes.to = static_cast<uint8_t*>(data);
  return bytes;
}

// Arguments 0 to 3: the list's region, the number of pieces, a Uint8Array and an offset into it.
int32_t Copy(const Napi::CallbackInfo& info, bool with_sum) {
  Target target = BytesOf(info, 2);
  const uint32_t at = Uint(info, 3);
  if (target.to == nullptr || at > target.room) return -EINVAL;
  target.to += at;
  target.room -= at;
  return CopyPieces(ArenaOf(info), Uint(info, 0), Uint(info, 1), target, with_sum);
}

// sum(listRegion, count): 0 to 65535 in network order, or a negative errno.
Napi::Value SumMethod(const Napi::CallbackInfo& info) {
  return Number(info, SumPieces(ArenaOf(info), Uint(info, 0), Uint(info, 1)));
}

// copyAndSum(listRegion, count, bytes, at): as sum, and the pieces are copied to `bytes` from `at` on.
Napi::Value CopyAndSumMethod(const Napi::CallbackInfo& info) { return Number(info, Copy(info, true)); }

// copy(listRegion, count, bytes, at): 0 or a negative errno.
Napi::Value CopyMethod(const Napi::CallbackInfo& info) { return Number(info, Copy(info, false)); }

// copyMapped(region, offset, length, bytes, at): out of a mapped window, by the processor. 0 or a negative errno.
Napi::Value CopyMappedMethod(const Napi::CallbackInfo& info) {
  const Mapping* mapping = ArenaOf(info)->MappingOf(Uint(info, 0));
  const uint32_t offset = Uint(info, 1);
  const uint32_t length = Uint(info, 2);
  const Target bytes = BytesOf(info, 3);
  const uint32_t at = Uint(info, 4);
  if (mapping == nullptr || bytes.to == nullptr) return Number(info, -EINVAL);
  if (static_cast<uint64_t>(offset) + length > mapping->length) return Number(info, -EFAULT);
  if (static_cast<uint64_t>(at) + length > bytes.room) return Number(info, -EMSGSIZE);
  return Number(info, GuardedCopy(bytes.to + at, mapping->data + offset, length));
}

// regionResident(region): whether a mapped window is in memory: 0 or 1, or a negative errno.
Napi::Value RegionResidentMethod(const Napi::CallbackInfo& info) {
  const Mapping* mapping = ArenaOf(info)->MappingOf(Uint(info, 0));
  return Number(info, mapping == nullptr ? -EINVAL : mapping->Resident());
}

}  // namespace

void DefineRegionMethods(Napi::Env env, Napi::Object exports) {
  exports.Set("sum", Napi::Function::New<SumMethod>(env, "sum"));
  exports.Set("copyAndSum", Napi::Function::New<CopyAndSumMethod>(env, "copyAndSum"));
  exports.Set("copy", Napi::Function::New<CopyMethod>(env, "copy"));
  exports.Set("copyMapped", Napi::Function::New<CopyMappedMethod>(env, "copyMapped"));
  exports.Set("regionResident", Napi::Function::New<RegionResidentMethod>(env, "regionResident"));
}

}  // namespace pagewire

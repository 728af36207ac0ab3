// Faults on purpose, compiled and loaded as the addon of this folder is: the tests see that each of them ends the process
// or is reported, before they believe a run that reports nothing.

#include <napi.h>

#include <cstdint>
#include <cstring>
#include <limits>

namespace {

// Kept from the optimizer's eyes.
volatile size_t one = 1;
void* volatile kept = nullptr;

// A write one byte behind a block of the heap.
Napi::Value Overflow(const Napi::CallbackInfo& info) {
  uint8_t* bytes = new uint8_t[64 * one];
  bytes[64 * one] = 1;
  delete[] bytes;
  return info.Env().Undefined();
}

// A write one byte behind the memory of an ArrayBuffer, which is Node's own allocation.
Napi::Value OverflowBuffer(const Napi::CallbackInfo& info) {
  auto buffer = info[0].As<Napi::ArrayBuffer>();
  static_cast<uint8_t*>(buffer.Data())[buffer.ByteLength() * one] = 1;
  return info.Env().Undefined();
}

Napi::Value UseAfterFree(const Napi::CallbackInfo& info) {
  uint8_t* bytes = new uint8_t[64 * one];
  delete[] bytes;
  return Napi::Number::New(info.Env(), bytes[one]);
}

Napi::Value Undefined(const Napi::CallbackInfo& info) {
  const int32_t largest = std::numeric_limits<int32_t>::max();
  return Napi::Number::New(info.Env(), largest + static_cast<int32_t>(one));
}

// 1000 bytes that nothing points at any more.
Napi::Value Leak(const Napi::CallbackInfo& info) {
  kept = new uint8_t[1000 * one];
  memset(kept, 1, 1000 * one);
  kept = nullptr;
  return info.Env().Undefined();
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("overflow", Napi::Function::New<Overflow>(env, "Overflow"));
  exports.Set("overflowBuffer", Napi::Function::New<OverflowBuffer>(env, "OverflowBuffer"));
  exports.Set("useAfterFree", Napi::Function::New<UseAfterFree>(env, "UseAfterFree"));
  exports.Set("undefinedBehaviour", Napi::Function::New<Undefined>(env, "Undefined"));
  exports.Set("leak", Napi::Function::New<Leak>(env, "Leak"));
  return exports;
}

}  // namespace

NODE_API_MODULE(planted, Init)

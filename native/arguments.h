// Reading arguments and giving results in native methods. A missing or wrong argument reads as 0, false or an empty
// text; the typed face (index.ts) is the only caller.

#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

namespace pagewire {

inline uint32_t Uint(const Napi::CallbackInfo& info, size_t index) {
  uint32_t value = 0;
  napi_get_value_uint32(info.Env(), info[index], &value);
  return value;
}

inline int32_t Int(const Napi::CallbackInfo& info, size_t index) {
  int32_t value = 0;
  napi_get_value_int32(info.Env(), info[index], &value);
  return value;
}

inline double Double(const Napi::CallbackInfo& info, size_t index) {
  double value = 0;
  napi_get_value_double(info.Env(), info[index], &value);
  return value;
}

inline bool Flag(const Napi::CallbackInfo& info, size_t index) {
  bool value = false;
  napi_get_value_bool(info.Env(), info[index], &value);
  return value;
}

inline std::string Text(const Napi::CallbackInfo& info, size_t index) {
  return info[index].IsString() ? info[index].As<Napi::String>().Utf8Value() : std::string();
}

inline Napi::Value Number(const Napi::CallbackInfo& info, int32_t value) {
  napi_value result = nullptr;
  napi_create_int32(info.Env(), value, &result);
  return Napi::Value(info.Env(), result);
}

}  // namespace pagewire

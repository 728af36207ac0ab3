// A JavaScript function that the event loop calls. Made with napi_make_callback, so that process.nextTick and promise
// jobs run after it; what it throws becomes an uncaughtException of its thread instead of vanishing.

#pragma once

#include <napi.h>

namespace pagewire {

class Callback {
 public:
  Callback() = default;
  ~Callback() { Close(); }
  Callback(const Callback&) = delete;
  Callback& operator=(const Callback&) = delete;

  // `name` is what async_hooks see. False when the host refuses.
  bool Open(napi_env env, napi_value function, const char* name);
  // Calls the function with one number. Call it from the event loop only, never from within JavaScript.
  void Call(int32_t argument);
  // Idempotent; allowed within Call.
  void Close();

 private:
  napi_env env_ = nullptr;
  napi_ref function_ = nullptr;
  napi_async_context context_ = nullptr;
};

}  // namespace pagewire

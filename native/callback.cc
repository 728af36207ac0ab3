// Calling JavaScript from the event loop.

#include "callback.h"

namespace pagewire {

bool Callback::Open(napi_env env, napi_value function, const char* name) {
  Close();
  napi_value label = nullptr;
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &label) != napi_ok) return false;
  env_ = env;
  if (napi_async_init(env, nullptr, label, &context_) != napi_ok) return false;
  if (napi_create_reference(env, function, 1, &function_) == napi_ok) return true;
  Close();
  return false;
}

void Callback::Call(int32_t argument) {
  if (function_ == nullptr) return;
  Napi::HandleScope scope(env_);
  napi_value function = nullptr;
  napi_value receiver = nullptr;
  napi_value value = nullptr;
  if (napi_get_reference_value(env_, function_, &function) != napi_ok || function == nullptr) return;
  if (napi_get_global(env_, &receiver) != napi_ok || napi_create_int32(env_, argument, &value) != napi_ok) return;
  napi_env env = env_;
  if (napi_make_callback(env, context_, receiver, function, 1, &value, nullptr) != napi_pending_exception) return;
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

void Callback::Close() {
  if (function_ != nullptr) napi_delete_reference(env_, function_);
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  function_ = nullptr;
  context_ = nullptr;
}

}  // namespace pagewire

// Reference counts and malloc.

#include "buffers.h"

#include <cstdlib>

namespace pagewire::fuzz {

namespace {

struct Buffer {
  uint8_t* bytes;
  size_t length;
  int references;
};

size_t live = 0;

Buffer* Of(napi_value value) { return reinterpret_cast<Buffer*>(value); }

void Let(Buffer* buffer) {
  if (--buffer->references > 0) return;
  free(buffer->bytes);
  delete buffer;
  live--;
}

}  // namespace

napi_value MakeBuffer(size_t length, uint8_t first) {
  uint8_t* bytes = static_cast<uint8_t*>(malloc(length));
  for (size_t i = 0; i < length; i++) bytes[i] = static_cast<uint8_t>(first + i);
  live++;
  return reinterpret_cast<napi_value>(new Buffer{bytes, length, 1});
}

uint8_t* BytesOf(napi_value buffer) { return Of(buffer)->bytes; }

void Detach(napi_value buffer) {
  free(Of(buffer)->bytes);
  Of(buffer)->bytes = nullptr;
  Of(buffer)->length = 0;
}

void Release(napi_value buffer) { Let(Of(buffer)); }

size_t LiveBuffers() { return live; }

}  // namespace pagewire::fuzz

using pagewire::fuzz::Of;

extern "C" {

napi_status napi_is_arraybuffer(napi_env, napi_value value, bool* result) {
  *result = value != nullptr;
  return napi_ok;
}

napi_status napi_create_reference(napi_env, napi_value value, uint32_t, napi_ref* result) {
  Of(value)->references++;
  *result = reinterpret_cast<napi_ref>(value);
  return napi_ok;
}

napi_status napi_delete_reference(napi_env, napi_ref reference) {
  pagewire::fuzz::Let(Of(reinterpret_cast<napi_value>(reference)));
  return napi_ok;
}

napi_status napi_get_reference_value(napi_env, napi_ref reference, napi_value* result) {
  *result = reinterpret_cast<napi_value>(reference);
  return napi_ok;
}

napi_status napi_get_arraybuffer_info(napi_env, napi_value value, void** data, size_t* length) {
  *data = Of(value)->bytes;
  *length = Of(value)->length;
  return napi_ok;
}

}  // extern "C"

// ArrayBuffers without V8: the five functions of Node-API that the arena calls, over memory of exactly the asked length, so
// that a byte behind it is a fault that a sanitizer or valgrind sees. What a test does to a buffer (detach) is here too.

#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>

namespace pagewire::fuzz {

// Filled with bytes that count up from `first`.
napi_value MakeBuffer(size_t length, uint8_t first);
uint8_t* BytesOf(napi_value buffer);
// As ArrayBuffer.prototype.transfer: the memory is freed, the buffer has length 0.
void Detach(napi_value buffer);
// JavaScript lets go of it; it lives on while there are references.
void Release(napi_value buffer);
// Buffers that live: 0 when the arena let go of all of them.
size_t LiveBuffers();

}  // namespace pagewire::fuzz

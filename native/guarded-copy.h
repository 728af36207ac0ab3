// Reading a mapped file's bytes in the process itself, as an application does that maps a file and writes from it. Where the
// file has become shorter the processor raises SIGBUS; here that ends the copy and not the process. Owns the process's
// handler of SIGBUS from its first use on: what is not ours goes to the handler that was there before.

#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

namespace pagewire {

// Copies, or answers -EFAULT when the file behind `from` ends before; then some of the bytes may have been copied.
int GuardedCopy(uint8_t* to, const uint8_t* from, size_t length);

// Reads one byte of each cache line, or answers -EFAULT when the file ends before.
int GuardedTouch(const uint8_t* from, size_t length);

// copyMapped(region, offset, length, bytes, at): out of a mapped window, by the processor. 0 or a negative errno.
Napi::Value CopyMapped(const Napi::CallbackInfo& info);

}  // namespace pagewire

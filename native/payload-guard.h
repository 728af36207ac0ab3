// Where payload may be touched, said in the code itself: the mapped windows of files are handed to the guard, and system
// calls open what they name for their own length. In the addon that is shipped both are nothing. In the build of
// guarded/, which only tests make, guarded pages are PROT_NONE in between: whoever else touches them ends the process.

#pragma once

#include <sys/uio.h>

#include <cstddef>

namespace pagewire {

#ifdef PAGEWIRE_GUARD

// With the guard the process reads a file's bytes, where it must see them, at the mapping and not beside it by pread.
constexpr bool kPayloadGuarded = true;

// Nobody but system calls touches the pages of these bytes any more. `data` is the start of a page.
void GuardPayload(void* data, size_t length);
// What was guarded from `data` on is about to be unmapped, or may be touched again once it is made accessible.
void UnguardPayload(void* data);

// The guarded pages that the pieces lie in are readable while this lives: from before a system call until after it.
class PayloadAccess {
 public:
  PayloadAccess(const iovec* pieces, int count);
  ~PayloadAccess();
  PayloadAccess(const PayloadAccess&) = delete;
  PayloadAccess& operator=(const PayloadAccess&) = delete;

 private:
  const iovec* pieces_;
  int count_;
};

#else

constexpr bool kPayloadGuarded = false;
inline void GuardPayload(void*, size_t) {}
inline void UnguardPayload(void*) {}
struct PayloadAccess {
  PayloadAccess(const iovec*, int) {}
};

#endif

}  // namespace pagewire

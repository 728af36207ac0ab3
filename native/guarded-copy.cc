// Reads under a handler of SIGBUS. The handler is the process's, the guard is the thread's: a fault outside of the bytes
// that this very thread copies is handed on.

#include "guarded-copy.h"

#include <setjmp.h>
#include <signal.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "arguments.h"
#include "instance.h"

namespace pagewire {

namespace {

struct Guard {
  sigjmp_buf back;
  const uint8_t* from;
  size_t length;
};

// The guard of this thread while it copies. Initial-exec: the handler must find it without a call that could allocate.
__attribute__((tls_model("initial-exec"))) thread_local Guard* volatile active = nullptr;

struct sigaction before;
std::once_flag installed;
bool in_place = false;

void HandOn(int number, siginfo_t* info, void* context) {
  if ((before.sa_flags & SA_SIGINFO) != 0) {
    before.sa_sigaction(number, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(number);
  } else {
    // The access is tried again behind this, and ends the process as it would have without us.
    signal(number, SIG_DFL);
  }
}

void OnBusError(int number, siginfo_t* info, void* context) {
  Guard* guard = active;
  const uint8_t* at = static_cast<const uint8_t*>(info->si_addr);
  // A vector load may begin before the byte that it is for, never outside of its page.
  const bool ours = guard != nullptr && info->si_code == BUS_ADRERR && at + 64 >= guard->from &&
                    at < guard->from + guard->length + 64;
  if (!ours) {
    HandOn(number, info, context);
    return;
  }
  siglongjmp(guard->back, 1);
}

void Install() {
  struct sigaction action {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  in_place = sigaction(SIGBUS, &action, &before) == 0;
}

}  // namespace

namespace {

constexpr size_t kCacheLine = 64;

// Reads of [from, from + length) by `read` alone, which must leave nothing behind that a jump out of it would lose.
template <typename Read>
int Guarded(const uint8_t* from, size_t length, Read read) {
  std::call_once(installed, Install);
  if (!in_place) return -ENOSYS;
  Guard guard;
  guard.from = from;
  guard.length = length;
  if (sigsetjmp(guard.back, 1) != 0) {
    active = nullptr;
    return -EFAULT;
  }
  active = &guard;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  read();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  active = nullptr;
  return 0;
}

}  // namespace

int GuardedCopy(uint8_t* to, const uint8_t* from, size_t length) {
  return Guarded(from, length, [=] { memcpy(to, from, length); });
}

int GuardedTouch(const uint8_t* from, size_t length) {
  return Guarded(from, length, [=] {
    for (size_t at = 0; at < length; at += kCacheLine) (void)*static_cast<const volatile uint8_t*>(from + at);
  });
}

Napi::Value CopyMapped(const Napi::CallbackInfo& info) {
  const Mapping* mapping = info.Env().GetInstanceData<Instance>()->arena.MappingOf(Uint(info, 0));
  const uint32_t offset = Uint(info, 1);
  const uint32_t length = Uint(info, 2);
  const uint32_t at = Uint(info, 4);
  napi_typedarray_type type;
  size_t room = 0;
  void* data = nullptr;
  if (mapping == nullptr || !info[3].IsTypedArray()) return Number(info, -EINVAL);
  if (napi_get_typedarray_info(info.Env(), info[3], &type, &room, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array || data == nullptr) {
    return Number(info, -EINVAL);
  }
  if (static_cast<uint64_t>(offset) + length > mapping->length) return Number(info, -EFAULT);
  if (static_cast<uint64_t>(at) + length > room) return Number(info, -EMSGSIZE);
  return Number(info, GuardedCopy(static_cast<uint8_t*>(data) + at, mapping->data + offset, length));
}

}  // namespace pagewire

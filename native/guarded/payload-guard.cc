// Payload under PROT_NONE. Owns the list of guarded ranges and the handler that says what a fault in one of them means
// before the process dies of it. The ranges are static: the handler of a signal has no environment.

#include "../payload-guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "../guard-methods.h"

namespace pagewire {

namespace {

constexpr size_t kMaxRanges = 4096;
constexpr char kTouched[] = "pagewire: guarded payload was touched outside of a system call\n";

// Whole pages; `begin` is 0 where none are. Written under the lock, and read without it: by the handler, and around the
// system calls of the thread that has the pieces and therefore keeps their range.
struct Range {
  std::atomic<uintptr_t> begin{0};
  std::atomic<uintptr_t> end{0};
};

Range ranges[kMaxRanges];
std::mutex lock;

const uintptr_t kPage = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));

uintptr_t Down(uintptr_t address) { return address / kPage * kPage; }
uintptr_t Up(uintptr_t address) { return Down(address + kPage - 1); }

bool IsGuarded(uintptr_t address) {
  for (const Range& range : ranges) {
    const uintptr_t begin = range.begin;
    if (begin != 0 && begin <= address && address < range.end) return true;
  }
  return false;
}

// What cannot be protected is not guarded, and a test that went on would prove nothing.
void Protect(uintptr_t begin, uintptr_t end, int protection) {
  if (begin >= end || mprotect(reinterpret_cast<void*>(begin), end - begin, protection) == 0) return;
  perror("pagewire: payload cannot be guarded");
  abort();
}

// Back to the system's own way with a fault, which comes again at once and ends the process with SIGSEGV.
void OnFault(int signal_number, siginfo_t* info, void*) {
  if (IsGuarded(reinterpret_cast<uintptr_t>(info->si_addr))) {
    const ssize_t ignored = write(STDERR_FILENO, kTouched, sizeof kTouched - 1);
    static_cast<void>(ignored);
  }
  signal(signal_number, SIG_DFL);
}

void CatchFaults() {
  struct sigaction action {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
}

// What is guarded of the pages that a piece lies in.
void ProtectPiece(const iovec& piece, int protection) {
  const uintptr_t from = reinterpret_cast<uintptr_t>(piece.iov_base);
  const uintptr_t to = from + piece.iov_len;
  for (const Range& range : ranges) {
    const uintptr_t begin = range.begin;
    const uintptr_t end = range.end;
    if (begin == 0 || to <= begin || from >= end) continue;
    Protect(std::max(begin, Down(from)), std::min(end, Up(to)), protection);
  }
}

// The whole pages within a Uint8Array: others may have a part in those at its ends.
struct WholePages {
  explicit WholePages(const Napi::CallbackInfo& info) {
    const auto bytes = info[0].As<Napi::Uint8Array>();
    const uintptr_t from = reinterpret_cast<uintptr_t>(bytes.Data());
    begin = Up(from);
    end = std::max(begin, Down(from + bytes.ByteLength()));
  }
  void* data() const { return reinterpret_cast<void*>(begin); }
  size_t length() const { return end - begin; }
  uintptr_t begin;
  uintptr_t end;
};

Napi::Value Guard(const Napi::CallbackInfo& info) {
  const WholePages pages(info);
  const auto bytes = info[0].As<Napi::Uint8Array>();
  const size_t before = pages.begin - reinterpret_cast<uintptr_t>(bytes.Data());
  GuardPayload(pages.data(), pages.length());
  return Napi::Uint8Array::New(info.Env(), pages.length(), bytes.ArrayBuffer(), bytes.ByteOffset() + before);
}

void Unguard(const Napi::CallbackInfo& info) {
  const WholePages pages(info);
  UnguardPayload(pages.data());
  Protect(pages.begin, pages.end, PROT_READ | PROT_WRITE);
}

}  // namespace

void GuardPayload(void* data, size_t length) {
  static std::once_flag once;
  std::call_once(once, CatchFaults);
  const std::lock_guard<std::mutex> held(lock);
  const uintptr_t address = reinterpret_cast<uintptr_t>(data);
  if (length == 0) return;
  for (Range& range : ranges) {
    if (range.begin != 0) continue;
    range.end = Up(address + length);
    range.begin = Down(address);
    Protect(range.begin, range.end, PROT_NONE);
    return;
  }
  fputs("pagewire: too much payload to be guarded\n", stderr);
  abort();
}

void UnguardPayload(void* data) {
  const std::lock_guard<std::mutex> held(lock);
  for (Range& range : ranges) {
    if (range.begin == reinterpret_cast<uintptr_t>(data)) range.begin = 0;
  }
}

PayloadAccess::PayloadAccess(const iovec* pieces, int count) : pieces_(pieces), count_(count) {
  for (int i = 0; i < count_; i++) ProtectPiece(pieces_[i], PROT_READ);
}

PayloadAccess::~PayloadAccess() {
  const int error = errno;
  for (int i = 0; i < count_; i++) ProtectPiece(pieces_[i], PROT_NONE);
  errno = error;
}

void DefineGuard(Napi::Env env, Napi::Object exports) {
  exports.Set("guardPayload", Napi::Function::New<Guard>(env, "guardPayload"));
  exports.Set("unguardPayload", Napi::Function::New<Unguard>(env, "unguardPayload"));
}

}  // namespace pagewire

// One asker, one walker, and a ring of pieces between them.

#include "prefetcher.h"

#include <sys/resource.h>

#include <algorithm>

#include "guarded-copy.h"

namespace pagewire {

namespace {

// Its niceness at least.
constexpr int kNice = 0;
// Looks that find nothing before the thread sleeps: waking it costs the asker more than these cost the core.
constexpr int kLooks = 2000;
// Bytes between two looks whether the frame has left meanwhile.
constexpr uint32_t kStep = 16384;

void Relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

Prefetcher::Prefetcher() {
  sem_init(&awake_, 0, 0);
  thread_ = std::thread([this] { Run(); });
}

Prefetcher::~Prefetcher() {
  ending_ = true;
  sem_post(&awake_);
  thread_.join();
  sem_destroy(&awake_);
}

void Prefetcher::Ask(uint64_t frame, const std::shared_ptr<Mapping>& mapping, const uint8_t* data, uint32_t length) {
  const uint32_t asked = asked_.load(std::memory_order_relaxed);
  if (asked - walked_.load(std::memory_order_acquire) == kPieces) return;
  Piece& piece = pieces_[asked % kPieces];
  piece.frame = frame;
  piece.mapping = mapping;
  piece.data = data;
  piece.length = length;
  asked_.store(asked + 1, std::memory_order_seq_cst);
  // Whoever clears it posts, once for each sleep.
  if (asleep_.exchange(false, std::memory_order_seq_cst)) sem_post(&awake_);
}

void Prefetcher::Run() {
  // The thread of the stack may go before others; this one has no more need than whoever receives.
  setpriority(PRIO_PROCESS, 0, std::max(kNice, getpriority(PRIO_PROCESS, 0)));
  while (Wait()) {
    const uint32_t walked = walked_.load(std::memory_order_relaxed);
    Piece& piece = pieces_[walked % kPieces];
    for (uint32_t done = 0; done < piece.length && !ending_; done += kStep) {
      if (piece.frame <= passed_.load(std::memory_order_relaxed)) break;
      const uint32_t bytes = std::min(kStep, piece.length - done);
      if (GuardedTouch(piece.data + done, bytes) < 0) break;
      bytes_.fetch_add(bytes, std::memory_order_relaxed);
    }
    piece.mapping.reset();
    walked_.store(walked + 1, std::memory_order_release);
  }
}

// True when there is a piece; false at the end.
bool Prefetcher::Wait() {
  const auto waiting = [this] { return asked_.load() == walked_.load(); };
  for (int looks = 0; looks < kLooks; looks++) {
    if (ending_) return false;
    if (!waiting()) return true;
    Relax();
  }
  while (waiting() && !ending_) {
    asleep_.store(true, std::memory_order_seq_cst);
    // Asked before it was known: the one who clears the flag decides whether there is a post to wait for.
    if ((!waiting() || ending_) && asleep_.exchange(false, std::memory_order_seq_cst)) break;
    while (sem_wait(&awake_) < 0) {
    }
  }
  return !ending_;
}

}  // namespace pagewire

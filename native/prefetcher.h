// A thread that walks the pages of the frames that come next, as a card's DMA engine would: the system call that copies them
// finds them in the processor's cache. It touches one byte of each cache line and keeps nothing. Owns the thread and the
// short list of what to walk; a file that became shorter under it is noticed by the guard of guarded-copy.h.

#pragma once

#include <semaphore.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "mapping.h"

namespace pagewire {

class Prefetcher {
 public:
  Prefetcher();
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // Walk these bytes of a window, which belong to the frame with this number. Never blocks; asked for too much, it forgets.
  void Ask(uint64_t frame, const std::shared_ptr<Mapping>& mapping, const uint8_t* data, uint32_t length);
  // Frames up to this number have left: nobody needs their pages any more.
  void Passed(uint64_t frame) { passed_.store(frame, std::memory_order_relaxed); }
  // Bytes walked so far.
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Piece {
    uint64_t frame = 0;
    std::shared_ptr<Mapping> mapping;
    const uint8_t* data = nullptr;
    uint32_t length = 0;
  };
  static constexpr uint32_t kPieces = 64;

  void Run();
  bool Wait();

  Piece pieces_[kPieces];
  // Written by the asker and by the thread, one each.
  alignas(64) std::atomic<uint32_t> asked_{0};
  alignas(64) std::atomic<uint32_t> walked_{0};
  std::atomic<uint64_t> passed_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> ending_{false};
  sem_t awake_;
  std::thread thread_;
};

}  // namespace pagewire

// The registry of memory that descriptors may name: region id -> ArrayBuffer. Owns the ids and a strong reference to each
// ArrayBuffer; owns no memory. An ArrayBuffer can be detached by JavaScript at any time between two native calls
// (structuredClone with transfer, ArrayBuffer.prototype.transfer), and a reference does not prevent that. So no pointer
// outlives a native call: BeginBurst forgets them all, and the first use within a burst asks the ArrayBuffer anew. A
// detached one has length 0 and every descriptor into it is refused.
//
// A region may also be a window of a mapped file, which it owns. Its bytes are for system calls only (they answer EFAULT
// where the file has become shorter); whoever must read them in the process reads the file instead, or touches them under
// the guard of guarded-copy.cc.

#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "mapped-file.h"

namespace pagewire {

class Arena {
 public:
  explicit Arena(napi_env env) : env_(env) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // A new id, above 0, or a negative errno. The same ArrayBuffer may be registered more than once.
  int32_t Register(napi_value buffer);
  // Takes over a mapped window.
  int32_t Register(std::shared_ptr<Mapping> mapping);
  // 0, or -EINVAL for an id that is not registered (any more). `*mapping` gets the window, if it was one.
  int32_t Unregister(uint32_t id, std::shared_ptr<Mapping>* mapping);

  // To be called first in every native call that resolves descriptors.
  void BeginBurst() { burst_++; }
  // The address of bytes [offset, offset + length) of a region, valid until JavaScript runs again; null when the id is
  // unknown, the bytes do not lie within the region, or they are a file's.
  uint8_t* Resolve(uint32_t id, uint32_t offset, uint32_t length);

  // Bytes that are only read. With `fd` >= 0 they are a file's: `data` is for system calls, and what the process itself
  // wants to see it reads at `file_offset`.
  struct Location {
    const uint8_t* data;
    int fd;
    uint64_t file_offset;
  };
  // False when the id is unknown or the bytes do not lie within the region.
  bool Locate(uint32_t id, uint32_t offset, uint32_t length, Location* location);
  // The window behind an id; null when it is none.
  const std::shared_ptr<Mapping>& WindowOf(uint32_t id) const;
  const Mapping* MappingOf(uint32_t id) const { return WindowOf(id).get(); }

  size_t live() const { return live_; }

 private:
  // An id is a slot and how often that slot was used, so that a stale id does not name its successor.
  static constexpr uint32_t kSlotBits = 20;
  static constexpr uint32_t kSlotMask = (1u << kSlotBits) - 1;
  static constexpr uint32_t kGenerations = 1u << 11;
  // So many slots rest before one is used again: an id comes back after 2 million registrations at the earliest,
  // and no ring holds that many descriptors.
  static constexpr uint32_t kResting = 1024;

  struct Region {
    napi_ref reference = nullptr;
    std::shared_ptr<Mapping> mapping;
    uint8_t* data = nullptr;
    size_t length = 0;
    uint64_t burst = 0;
    uint32_t generation = 0;
    uint32_t next_free = 0;
  };

  Region* Find(uint32_t id);
  void Refresh(Region* region);
  // A region in a free slot; null when all are taken. `*id` is its id.
  Region* Take(int32_t* id);
  uint32_t TakeSlot();
  void RestSlot(uint32_t slot);

  napi_env env_;
  std::vector<Region> regions_;
  uint64_t burst_ = 1;
  size_t live_ = 0;
  uint32_t resting_ = 0;
  uint32_t first_free_ = 0;
  uint32_t last_free_ = 0;
};

}  // namespace pagewire

// A descriptor ring in memory that TypeScript writes and the addon reads. Owns the layout and its checks; owns no memory,
// no file and no policy. The memory is a region of the arena, and every descriptor names bytes by region id, offset and
// length, never by address: whatever stands in the ring, nothing outside the registered regions is touched.
//
//   descriptors: size times { region u32, offset u32, length u32, flags u32 }
//   statuses:    size times i32, the completion of the frame whose chain begins at that descriptor

#pragma once

#include <sys/uio.h>

#include <cstdint>

#include "arena.h"

namespace pagewire {

struct Descriptor {
  uint32_t region;
  uint32_t offset;
  uint32_t length;
  uint32_t flags;
};

// The frame goes on in the next descriptor.
constexpr uint32_t kDescriptorNext = 1;
// To be sent: the checksum of the bytes from `start` in this descriptor to the frame's end is written at `start` + `field`,
// before the frame leaves. To be received: the sum of the bytes from `start` on is wanted, and stands where `start` stood when
// the frame has come; without a sum the flags are 0 then.
constexpr uint32_t kDescriptorChecksum = 2;
constexpr uint32_t ChecksumField(uint32_t flags) { return flags >> 8 & 0xff; }
constexpr uint32_t ChecksumStart(uint32_t flags) { return flags >> 16; }
// A virtio-net header of its own, the header area, and 17 page references.
constexpr int kMaxPieces = 19;
// virtio-net header, Ethernet with a VLAN tag, and the largest IP packet of a super-frame (Linux's GSO_MAX_SIZE).
constexpr uint32_t kMaxFrame = 12 + 18 + 8 * 65535;

class Ring {
 public:
  // `size` is a power of two up to 65536. 0 or -EINVAL.
  int32_t Configure(uint32_t region, uint32_t size);
  // Finds the ring's memory for this burst. False when it is gone (detached, unregistered, too small).
  bool Map(Arena* arena);

  uint32_t size() const { return size_; }
  Descriptor At(uint32_t index) const { return descriptors_[index & (size_ - 1)]; }
  void SetFlags(uint32_t index, uint32_t flags) { descriptors_[index & (size_ - 1)].flags = flags; }
  void Complete(uint32_t index, int32_t status) { statuses_[index & (size_ - 1)] = status; }

  // Collects the chain that begins at `*index` and moves `*index` behind it. Returns its bytes, or a negative errno:
  // EFAULT for bytes outside of a region, EMSGSIZE for too many pieces or bytes, EINVAL for an empty chain or one
  // without an end. `*pieces` is how many of `iovecs` (kMaxPieces of them) are filled.
  int32_t Gather(Arena* arena, uint32_t* index, iovec* iovecs, int* pieces) const;

 private:
  uint32_t region_ = 0;
  uint32_t size_ = 0;
  Descriptor* descriptors_ = nullptr;
  int32_t* statuses_ = nullptr;
};

}  // namespace pagewire

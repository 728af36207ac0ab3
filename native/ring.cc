// Walking a descriptor ring without trusting it.

#include "ring.h"

#include <cerrno>

namespace pagewire {

int32_t Ring::Configure(uint32_t region, uint32_t size) {
  if (size == 0 || size > 65536 || (size & (size - 1)) != 0) return -EINVAL;
  region_ = region;
  size_ = size;
  return 0;
}

bool Ring::Map(Arena* arena) {
  if (size_ == 0) return false;
  const uint32_t bytes = size_ * static_cast<uint32_t>(sizeof(Descriptor) + sizeof(int32_t));
  uint8_t* base = arena->Resolve(region_, 0, bytes);
  if (base == nullptr || reinterpret_cast<uintptr_t>(base) % alignof(Descriptor) != 0) return false;
  descriptors_ = reinterpret_cast<Descriptor*>(base);
  statuses_ = reinterpret_cast<int32_t*>(base + size_ * sizeof(Descriptor));
  return true;
}

int32_t Ring::Gather(Arena* arena, uint32_t* index, iovec* iovecs, int* pieces) const {
  uint32_t total = 0;
  int count = 0;
  int32_t error = 0;
  bool ended = false;
  for (uint32_t walked = 0; walked < size_ && !ended; walked++) {
    const Descriptor descriptor = At((*index)++);
    ended = (descriptor.flags & kDescriptorNext) == 0;
    if (error != 0) continue;
    Arena::Location location;
    if (!arena->Locate(descriptor.region, descriptor.offset, descriptor.length, &location)) {
      error = -EFAULT;
    } else if (count == kMaxPieces || descriptor.length > kMaxFrame - total) {
      error = -EMSGSIZE;
    } else if (descriptor.length > 0) {
      iovecs[count++] = {const_cast<uint8_t*>(location.data), descriptor.length};
      total += descriptor.length;
    }
  }
  *pieces = count;
  if (error != 0) return error;
  return ended && total > 0 ? static_cast<int32_t>(total) : -EINVAL;
}

}  // namespace pagewire

// Regions by id, and their addresses for the length of one native call.

#include "arena.h"

#include <cerrno>

namespace pagewire {

Arena::~Arena() {
  for (Region& region : regions_) {
    if (region.reference != nullptr) napi_delete_reference(env_, region.reference);
  }
}

int32_t Arena::Register(napi_value buffer) {
  bool is_buffer = false;
  if (napi_is_arraybuffer(env_, buffer, &is_buffer) != napi_ok || !is_buffer) return -EINVAL;
  if (resting_ <= kResting && regions_.size() > kSlotMask) return -ENOSPC;
  napi_ref reference = nullptr;
  if (napi_create_reference(env_, buffer, 1, &reference) != napi_ok) return -ENOMEM;
  const uint32_t slot = TakeSlot();
  Region& region = regions_[slot];
  region.reference = reference;
  region.burst = 0;
  region.generation = region.generation + 1 == kGenerations ? 1 : region.generation + 1;
  live_++;
  return static_cast<int32_t>(region.generation << kSlotBits | slot);
}

int32_t Arena::Unregister(uint32_t id) {
  const uint32_t slot = id & kSlotMask;
  if (slot >= regions_.size()) return -EINVAL;
  Region& region = regions_[slot];
  if (region.reference == nullptr || region.generation != id >> kSlotBits) return -EINVAL;
  napi_delete_reference(env_, region.reference);
  region.reference = nullptr;
  region.data = nullptr;
  region.length = 0;
  live_--;
  RestSlot(slot);
  return 0;
}

uint8_t* Arena::Resolve(uint32_t id, uint32_t offset, uint32_t length) {
  const uint32_t slot = id & kSlotMask;
  if (slot >= regions_.size()) return nullptr;
  Region& region = regions_[slot];
  if (region.reference == nullptr || region.generation != id >> kSlotBits) return nullptr;
  if (region.burst != burst_) Refresh(&region);
  if (static_cast<uint64_t>(offset) + length > region.length || region.data == nullptr) return nullptr;
  return region.data + offset;
}

void Arena::Refresh(Region* region) {
  void* data = nullptr;
  size_t length = 0;
  napi_value buffer = nullptr;
  const bool known = napi_get_reference_value(env_, region->reference, &buffer) == napi_ok && buffer != nullptr &&
                     napi_get_arraybuffer_info(env_, buffer, &data, &length) == napi_ok;
  region->data = known ? static_cast<uint8_t*>(data) : nullptr;
  region->length = known ? length : 0;
  region->burst = burst_;
}

uint32_t Arena::TakeSlot() {
  if (resting_ > kResting) {
    const uint32_t slot = first_free_;
    first_free_ = regions_[slot].next_free;
    resting_--;
    return slot;
  }
  regions_.emplace_back();
  return static_cast<uint32_t>(regions_.size() - 1);
}

void Arena::RestSlot(uint32_t slot) {
  if (resting_ == 0) {
    first_free_ = slot;
  } else {
    regions_[last_free_].next_free = slot;
  }
  last_free_ = slot;
  resting_++;
}

}  // namespace pagewire

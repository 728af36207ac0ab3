// Regions by id, and their addresses for the length of one native call.

#include "arena.h"

#include <cerrno>

#include "payload-guard.h"

namespace pagewire {

Arena::~Arena() {
  for (Region& region : regions_) {
    if (region.reference != nullptr) napi_delete_reference(env_, region.reference);
  }
}

int32_t Arena::Register(napi_value buffer) {
  bool is_buffer = false;
  if (napi_is_arraybuffer(env_, buffer, &is_buffer) != napi_ok || !is_buffer) return -EINVAL;
  napi_ref reference = nullptr;
  if (napi_create_reference(env_, buffer, 1, &reference) != napi_ok) return -ENOMEM;
  int32_t id = -ENOSPC;
  Region* region = Take(&id);
  if (region == nullptr) {
    napi_delete_reference(env_, reference);
  } else {
    region->reference = reference;
    region->burst = 0;
  }
  return id;
}

int32_t Arena::Register(std::shared_ptr<Mapping> mapping) {
  int32_t id = -ENOSPC;
  Region* region = Take(&id);
  if (region != nullptr) {
    region->data = mapping->data;
    region->length = mapping->length;
    region->mapping = std::move(mapping);
    GuardPayload(region->data, region->length);
  }
  return id;
}

int32_t Arena::Unregister(uint32_t id, std::shared_ptr<Mapping>* mapping) {
  Region* region = Find(id);
  if (region == nullptr) return -EINVAL;
  if (region->reference != nullptr) napi_delete_reference(env_, region->reference);
  region->reference = nullptr;
  *mapping = std::move(region->mapping);
  region->data = nullptr;
  region->length = 0;
  live_--;
  RestSlot(id & kSlotMask);
  return 0;
}

uint8_t* Arena::Resolve(uint32_t id, uint32_t offset, uint32_t length) {
  Region* region = Find(id);
  if (region == nullptr || region->mapping != nullptr) return nullptr;
  if (region->burst != burst_) Refresh(region);
  if (static_cast<uint64_t>(offset) + length > region->length || region->data == nullptr) return nullptr;
  return region->data + offset;
}

bool Arena::Locate(uint32_t id, uint32_t offset, uint32_t length, Location* location) {
  const Mapping* mapping = MappingOf(id);
  if (mapping == nullptr) {
    *location = {Resolve(id, offset, length), -1, 0};
    return location->data != nullptr;
  }
  if (static_cast<uint64_t>(offset) + length > mapping->length) return false;
  *location = {mapping->data + offset, kPayloadGuarded ? -1 : mapping->file->get(), mapping->offset + offset};
  return true;
}

const std::shared_ptr<Mapping>& Arena::WindowOf(uint32_t id) const {
  static const std::shared_ptr<Mapping> none;
  const Region* region = const_cast<Arena*>(this)->Find(id);
  return region == nullptr ? none : region->mapping;
}

Arena::Region* Arena::Find(uint32_t id) {
  const uint32_t slot = id & kSlotMask;
  if (slot >= regions_.size()) return nullptr;
  Region& region = regions_[slot];
  const bool live = region.reference != nullptr || region.mapping != nullptr;
  return live && region.generation == id >> kSlotBits ? &region : nullptr;
}

Arena::Region* Arena::Take(int32_t* id) {
  if (resting_ <= kResting && regions_.size() > kSlotMask) return nullptr;
  const uint32_t slot = TakeSlot();
  Region& region = regions_[slot];
  region.generation = region.generation + 1 == kGenerations ? 1 : region.generation + 1;
  live_++;
  *id = static_cast<int32_t>(region.generation << kSlotBits | slot);
  return &region;
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

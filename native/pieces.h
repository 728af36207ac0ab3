// Lists of pieces: count times { region u32, offset u32, length u32 } at the start of a region. Sums and copies what they
// name, which is checked as a descriptor is (ring.h); knows nothing of JavaScript.

#pragma once

#include <cstddef>
#include <cstdint>

#include "arena.h"

namespace pagewire {

// Where a copy goes. `to` null: nowhere.
struct Target {
  uint8_t* to = nullptr;
  size_t room = 0;
};

// The sum (checksum.h) of bytes wherever they are: those of a file are read. 0 or a negative errno.
int SumOfLocation(const Arena::Location& from, size_t length, uint16_t* sum);

// 0 to 65535 in network order, or a negative errno: EINVAL for a list that is not there, EFAULT for bytes outside of a
// region.
int32_t SumPieces(Arena* arena, uint32_t list, uint32_t count);
// Copies the pieces one behind the other. The sum if it is wanted, otherwise 0; or a negative errno as above, and
// EMSGSIZE when the target has no room for a piece: those before it were copied.
int32_t CopyPieces(Arena* arena, uint32_t list, uint32_t count, Target target, bool with_sum);

}  // namespace pagewire

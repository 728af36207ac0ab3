// The one's complement sum of RFC 1071 over bytes, in the machine's byte order, which the sum allows (RFC 1071 section
// 2 B), on whole vectors. What lies in regions: pieces.h.

#pragma once

#include <cstddef>
#include <cstdint>

namespace pagewire {

// The sum of the bytes as 16-bit words of the machine's order, folded to 16 bits. An odd last byte is padded with zero.
uint16_t Sum(const uint8_t* bytes, size_t length);
// The same while copying; `to` and `from` do not overlap.
uint16_t CopyAndSum(uint8_t* to, const uint8_t* from, size_t length);
// The sum of bytes that stand behind `before` others: an odd number of them puts bytes into the other halves of the words.
uint16_t Placed(uint16_t sum, size_t before);
// A folded sum in network order: on a little-endian machine each word of the sum has its bytes swapped.
uint16_t NetworkOrder(uint16_t sum);
// A sum of such sums, brought back to 16 bits.
uint16_t Fold(uint64_t sum);

}  // namespace pagewire

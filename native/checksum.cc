// RFC 1071 in vectors. Each 32-bit lane collects the low and the high halves of its words in two counters; within a block
// of 64 KiB no counter can overflow. The same body is compiled for the baseline and, on x86-64, for AVX2.

#include "checksum.h"

#include <algorithm>
#include <cstring>

namespace pagewire {

namespace {

constexpr size_t kVector = 32;
// 64 KiB in vectors of two interleaved chains: each lane adds at most 1024 halves below 2^16.
constexpr size_t kBlock = 65536;
// Copied and then summed while it is in the first-level cache: memory is passed over once.
constexpr size_t kCopyBlock = 8192;

typedef uint32_t Lanes __attribute__((vector_size(kVector)));

// Not returned by value: how a vector is returned depends on the target.
inline __attribute__((always_inline)) void Load(const uint8_t* bytes, Lanes* lanes) {
  memcpy(lanes, bytes, sizeof *lanes);
}

// The sum of whole vectors, at most kBlock bytes.
inline __attribute__((always_inline)) uint64_t SumVectors(const uint8_t* bytes, size_t length) {
  Lanes low[2] = {};
  Lanes high[2] = {};
  size_t at = 0;
  for (; at + 2 * kVector <= length; at += 2 * kVector) {
    Lanes first;
    Lanes second;
    Load(bytes + at, &first);
    Load(bytes + at + kVector, &second);
    low[0] += first & 0xffff;
    high[0] += first >> 16;
    low[1] += second & 0xffff;
    high[1] += second >> 16;
  }
  if (at < length) {
    Lanes last;
    Load(bytes + at, &last);
    low[0] += last & 0xffff;
    high[0] += last >> 16;
  }
  uint64_t sum = 0;
  for (size_t lane = 0; lane < kVector / 4; lane++) {
    sum += static_cast<uint64_t>(low[0][lane]) + low[1][lane];
    sum += static_cast<uint64_t>(high[0][lane]) + high[1][lane];
  }
  return sum;
}

inline __attribute__((always_inline)) uint64_t SumBytes(const uint8_t* bytes, size_t length) {
  uint64_t sum = 0;
  while (length >= kVector) {
    const size_t block = std::min(length, kBlock) / kVector * kVector;
    sum += SumVectors(bytes, block);
    bytes += block;
    length -= block;
  }
  uint16_t word = 0;
  for (; length >= 2; bytes += 2, length -= 2) {
    memcpy(&word, bytes, 2);
    sum += word;
  }
  if (length > 0) {
    word = 0;
    memcpy(&word, bytes, 1);
    sum += word;
  }
  return sum;
}

uint64_t SumBaseline(const uint8_t* bytes, size_t length) { return SumBytes(bytes, length); }

#if defined(__x86_64__)
__attribute__((target("avx2"))) uint64_t SumAvx2(const uint8_t* bytes, size_t length) {
  return SumBytes(bytes, length);
}

uint64_t SumBest(const uint8_t* bytes, size_t length) {
  return __builtin_cpu_supports("avx2") ? SumAvx2(bytes, length) : SumBaseline(bytes, length);
}
#else
uint64_t SumBest(const uint8_t* bytes, size_t length) { return SumBaseline(bytes, length); }
#endif

uint16_t Swap(uint16_t word) { return static_cast<uint16_t>(word << 8 | word >> 8); }

}  // namespace

uint16_t Fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

uint16_t Placed(uint16_t sum, size_t before) { return (before & 1) != 0 ? Swap(sum) : sum; }

uint16_t NetworkOrder(uint16_t sum) { return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? Swap(sum) : sum; }

uint16_t Sum(const uint8_t* bytes, size_t length) { return Fold(SumBest(bytes, length)); }

uint16_t CopyAndSum(uint8_t* to, const uint8_t* from, size_t length) {
  uint64_t sum = 0;
  while (length > 0) {
    const size_t block = std::min(length, kCopyBlock);
    memcpy(to, from, block);
    sum += SumBest(to, block);
    to += block;
    from += block;
    length -= block;
  }
  return Fold(sum);
}

}  // namespace pagewire

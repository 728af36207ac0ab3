// RFC 1071 in vectors. Each 32-bit lane collects the low and the high halves of its words in two counters; within a block
// of 64 KiB no counter can overflow. The same body is compiled for the baseline and, on x86-64, for AVX2.

#include "checksum.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "arguments.h"
#include "instance.h"
#include "mapped-file.h"
#include "ring.h"

namespace pagewire {

namespace {

constexpr size_t kVector = 32;
// 64 KiB in vectors of two interleaved chains: each lane adds at most 1024 halves below 2^16.
constexpr size_t kBlock = 65536;
// Copied and then summed while it is in the first-level cache: memory is passed over once.
constexpr size_t kCopyBlock = 8192;
// What is read of a file at a time; even, so that the blocks' sums add up.
constexpr size_t kScratch = 32768;

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

uint16_t Fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

uint16_t Swap(uint16_t word) { return static_cast<uint16_t>(word << 8 | word >> 8); }

// The machine's order to network order: on a little-endian machine each word of the sum has its bytes swapped.
int32_t ToNetwork(uint16_t sum) {
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? Swap(sum) : sum;
}

// A list of pieces in a region: count times { region u32, offset u32, length u32 }.
class Pieces {
 public:
  struct Piece {
    Arena::Location from;
    uint32_t length;
  };

  // Arguments 0 and 1 of every call: the region of the list, and how many pieces.
  explicit Pieces(const Napi::CallbackInfo& info) : arena_(&info.Env().GetInstanceData<Instance>()->arena) {
    arena_->BeginBurst();
    count_ = Uint(info, 1);
    if (count_ <= kMaxPieces) list_ = arena_->Resolve(Uint(info, 0), 0, count_ * kPieceBytes);
  }

  bool valid() const { return list_ != nullptr; }
  uint32_t count() const { return count_; }

  // False for bytes that no region has.
  bool Get(uint32_t index, Piece* piece) {
    uint32_t fields[3];
    memcpy(fields, list_ + index * kPieceBytes, sizeof fields);
    piece->length = fields[2];
    return arena_->Locate(fields[0], fields[1], fields[2], &piece->from);
  }

 private:
  static constexpr uint32_t kPieceBytes = 12;
  Arena* arena_;
  const uint8_t* list_ = nullptr;
  uint32_t count_ = 0;
};

// Where a copy goes: a Uint8Array and an offset into it. Arguments 2 and 3.
struct Target {
  explicit Target(const Napi::CallbackInfo& info) {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    if (!info[2].IsTypedArray()) return;
    if (napi_get_typedarray_info(info.Env(), info[2], &type, &length, &data, nullptr, nullptr) != napi_ok) return;
    const uint32_t at = Uint(info, 3);
    if (type != napi_uint8_array || data == nullptr || at > length) return;
    to = static_cast<uint8_t*>(data) + at;
    room = length - at;
  }
  uint8_t* to = nullptr;
  size_t room = 0;
};

// An odd number of bytes before a piece puts its bytes into the other halves of the words.
uint16_t Placed(uint16_t sum, size_t before) { return (before & 1) != 0 ? Swap(sum) : sum; }

// Sums a mapped file's bytes through a scratch: touching the mapping of a file that became shorter would be SIGBUS.
int SumOfFile(const Arena::Location& from, size_t length, uint16_t* sum) {
  uint8_t scratch[kScratch];
  uint64_t total = 0;
  for (size_t done = 0; done < length;) {
    const size_t block = std::min(length - done, sizeof scratch);
    const int error = ReadExactly(from.fd, scratch, block, from.file_offset + done);
    if (error < 0) return error;
    total += Sum(scratch, block);
    done += block;
  }
  *sum = Fold(total);
  return 0;
}

int32_t Copy(const Napi::CallbackInfo& info, bool with_sum) {
  Pieces pieces(info);
  Target target(info);
  if (!pieces.valid() || target.to == nullptr) return -EINVAL;
  uint64_t sum = 0;
  size_t at = 0;
  for (uint32_t i = 0; i < pieces.count(); i++) {
    Pieces::Piece piece;
    if (!pieces.Get(i, &piece)) return -EFAULT;
    if (piece.length > target.room - at) return -EMSGSIZE;
    uint8_t* to = target.to + at;
    const uint8_t* from = piece.from.data;
    if (piece.from.fd >= 0) {
      const int error = ReadExactly(piece.from.fd, to, piece.length, piece.from.file_offset);
      if (error < 0) return error;
      if (with_sum) sum += Placed(Sum(to, piece.length), at);
    } else if (from < to + piece.length && to < from + piece.length) {
      memmove(to, from, piece.length);
      if (with_sum) sum += Placed(Sum(to, piece.length), at);
    } else if (with_sum) {
      sum += Placed(CopyAndSum(to, from, piece.length), at);
    } else {
      memcpy(to, from, piece.length);
    }
    at += piece.length;
  }
  return with_sum ? ToNetwork(Fold(sum)) : 0;
}

}  // namespace

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

// sum(listRegion, count): 0 to 65535 in network order, or a negative errno.
Napi::Value SumPieces(const Napi::CallbackInfo& info) {
  Pieces pieces(info);
  if (!pieces.valid()) return Number(info, -EINVAL);
  uint64_t sum = 0;
  size_t before = 0;
  for (uint32_t i = 0; i < pieces.count(); i++) {
    Pieces::Piece piece;
    if (!pieces.Get(i, &piece)) return Number(info, -EFAULT);
    uint16_t part = 0;
    if (piece.from.fd < 0) {
      part = Sum(piece.from.data, piece.length);
    } else {
      const int error = SumOfFile(piece.from, piece.length, &part);
      if (error < 0) return Number(info, error);
    }
    sum += Placed(part, before);
    before += piece.length;
  }
  return Number(info, ToNetwork(Fold(sum)));
}

// copyAndSum(listRegion, count, bytes, at): as sum, and the pieces are copied to `bytes` from `at` on.
Napi::Value CopyAndSumPieces(const Napi::CallbackInfo& info) { return Number(info, Copy(info, true)); }

// copy(listRegion, count, bytes, at): 0 or a negative errno.
Napi::Value CopyPieces(const Napi::CallbackInfo& info) { return Number(info, Copy(info, false)); }

}  // namespace pagewire

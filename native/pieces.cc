// Lists of pieces, without trust in them.

#include "pieces.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "checksum.h"
#include "mapping.h"
#include "ring.h"

namespace pagewire {

namespace {

// What is read of a file at a time; even, so that the blocks' sums add up.
constexpr size_t kScratch = 32768;

class Pieces {
 public:
  struct Piece {
    Arena::Location from;
    uint32_t length;
  };

  Pieces(Arena* arena, uint32_t list, uint32_t count) : arena_(arena), count_(count) {
    arena_->BeginBurst();
    if (count_ <= kMaxPieces) list_ = arena_->Resolve(list, 0, count_ * kPieceBytes);
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
  uint32_t count_;
  const uint8_t* list_ = nullptr;
};

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

}  // namespace

int SumOfLocation(const Arena::Location& from, size_t length, uint16_t* sum) {
  if (from.fd >= 0) return SumOfFile(from, length, sum);
  *sum = Sum(from.data, length);
  return 0;
}

int32_t SumPieces(Arena* arena, uint32_t list, uint32_t count) {
  Pieces pieces(arena, list, count);
  if (!pieces.valid()) return -EINVAL;
  uint64_t sum = 0;
  size_t before = 0;
  for (uint32_t i = 0; i < pieces.count(); i++) {
    Pieces::Piece piece;
    if (!pieces.Get(i, &piece)) return -EFAULT;
    uint16_t part = 0;
    const int error = SumOfLocation(piece.from, piece.length, &part);
    if (error < 0) return error;
    sum += Placed(part, before);
    before += piece.length;
  }
  return NetworkOrder(Fold(sum));
}

int32_t CopyPieces(Arena* arena, uint32_t list, uint32_t count, Target target, bool with_sum) {
  Pieces pieces(arena, list, count);
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
  return with_sum ? NetworkOrder(Fold(sum)) : 0;
}

}  // namespace pagewire

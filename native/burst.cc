// writev and read over what the rings name.

#include "burst.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "checksum.h"
#include "payload-guard.h"
#include "pieces.h"

namespace pagewire {

namespace {

// RFC 768: a computed zero is sent as all ones, since zero says that there is none.
constexpr uint32_t kUdpChecksum = 6;

// Writes the complement of `sum` (network order) where `flags` say.
void WriteChecksum(uint8_t* piece, uint32_t flags, uint16_t sum) {
  const uint32_t field = ChecksumField(flags);
  uint16_t checksum = static_cast<uint16_t>(~sum);
  if (checksum == 0 && field == kUdpChecksum) checksum = 0xffff;
  uint8_t* at = piece + ChecksumStart(flags) + field;
  at[0] = static_cast<uint8_t>(checksum >> 8);
  at[1] = static_cast<uint8_t>(checksum);
}

// The sum that a received frame's descriptor asks for takes the place of the request.
void AnswerSum(Ring* ring, uint32_t index, uint32_t flags, const uint8_t* data, ssize_t bytes) {
  if ((flags & kDescriptorChecksum) == 0) return;
  const ssize_t start = ChecksumStart(flags);
  if (bytes <= start) {
    ring->SetFlags(index, 0);
    return;
  }
  const uint32_t sum = NetworkOrder(Sum(data + start, static_cast<size_t>(bytes - start)));
  ring->SetFlags(index, kDescriptorChecksum | sum << 16);
}

}  // namespace

int32_t FinishChecksum(Arena* arena, Ring* ring, uint32_t first) {
  uint32_t index = first;
  Descriptor descriptor = ring->At(index);
  while ((descriptor.flags & (kDescriptorChecksum | kDescriptorNext)) == kDescriptorNext) descriptor = ring->At(++index);
  if ((descriptor.flags & kDescriptorChecksum) == 0) return 0;
  const Descriptor asking = descriptor;
  const uint32_t asked = index;
  const uint32_t start = ChecksumStart(asking.flags);
  if (start + ChecksumField(asking.flags) + 2 > asking.length) return -EINVAL;
  // Null for a file's window, which is not to be written to.
  uint8_t* piece = arena->Resolve(asking.region, asking.offset, asking.length);
  if (piece == nullptr) return -EFAULT;
  uint64_t sum = Sum(piece + start, asking.length - start);
  size_t before = asking.length - start;
  while ((descriptor.flags & kDescriptorNext) != 0) {
    descriptor = ring->At(++index);
    Arena::Location location;
    uint16_t part = 0;
    if (!arena->Locate(descriptor.region, descriptor.offset, descriptor.length, &location)) return -EFAULT;
    const int error = SumOfLocation(location, descriptor.length, &part);
    if (error < 0) return error;
    sum += Placed(part, before);
    before += descriptor.length;
  }
  WriteChecksum(piece, asking.flags, NetworkOrder(Fold(sum)));
  ring->SetFlags(asked, asking.flags & kDescriptorNext);
  return 0;
}

int32_t TransmitBurst(int fd, Arena* arena, Ring* ring, uint32_t head, uint32_t frames,
                      BurstObserver* observer) {
  arena->BeginBurst();
  if (!ring->Map(arena)) return -EFAULT;
  uint32_t index = head;
  uint32_t done = 0;
  for (; done < frames && done < ring->size(); done++) {
    if (observer != nullptr) observer->BeforeFrame(done);
    iovec iovecs[kMaxPieces];
    int pieces = 0;
    const uint32_t first = index;
    int32_t status = ring->Gather(arena, &index, iovecs, &pieces);
    // Gathered: the chain has an end, and few pieces.
    if (status >= 0) status = FinishChecksum(arena, ring, first);
    if (status >= 0) {
      const PayloadAccess access(iovecs, pieces);
      ssize_t written;
      do {
        written = writev(fd, iovecs, pieces);
      } while (written < 0 && errno == EINTR);
      if (written < 0 && errno == EAGAIN) break;
      status = written < 0 ? -errno : static_cast<int32_t>(written);
    }
    ring->Complete(first, status);
  }
  return static_cast<int32_t>(done);
}

int32_t ReceiveBurst(int fd, Arena* arena, Ring* ring, uint32_t head, uint32_t budget) {
  arena->BeginBurst();
  if (!ring->Map(arena)) return -EFAULT;
  uint32_t done = 0;
  while (done < budget && done < ring->size()) {
    const uint32_t index = head + done;
    const Descriptor descriptor = ring->At(index);
    uint8_t* data = arena->Resolve(descriptor.region, descriptor.offset, descriptor.length);
    if (data == nullptr || descriptor.length == 0) {
      ring->Complete(index, -EFAULT);
      done++;
      continue;
    }
    ssize_t bytes;
    do {
      bytes = read(fd, data, descriptor.length);
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0 && errno == EAGAIN) break;
    if (bytes >= 0) AnswerSum(ring, index, descriptor.flags, data, bytes);
    ring->Complete(index, bytes < 0 ? -errno : static_cast<int32_t>(bytes));
    done++;
    if (bytes < 0) break;
  }
  return static_cast<int32_t>(done);
}

}  // namespace pagewire

// writev and read over what the rings name.

#include "burst.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "payload-guard.h"

namespace pagewire {

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
    ring->Complete(index, bytes < 0 ? -errno : static_cast<int32_t>(bytes));
    done++;
    if (bytes < 0) break;
  }
  return static_cast<int32_t>(done);
}

}  // namespace pagewire

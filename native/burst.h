// One call per burst in each direction: what the rings name goes to a device and comes from it, a frame per system call.
// Knows nothing of JavaScript; forgets every address when it returns.

#pragma once

#include <cstdint>

#include "arena.h"
#include "ring.h"

namespace pagewire {

// Told of each frame of a burst before it is written; `done` were written before it.
class BurstObserver {
 public:
  virtual void BeforeFrame(uint32_t done) = 0;

 protected:
  ~BurstObserver() = default;
};

// Writes the checksum that a descriptor of the chain at `first` asks for, if one does (ring.h), and takes the request off:
// a frame that finds no room comes again. 0, or a negative errno: EINVAL for a field outside of its descriptor, EFAULT for
// bytes that are not there or not to be written to.
int32_t FinishChecksum(Arena* arena, Ring* ring, uint32_t first);

// Writes frames from descriptor `head` on, one gathered write each. Stops where the device has no room (EAGAIN; that frame
// and those behind it stay pending); any other error is that frame's own. Returns how many frames are completed, or
// -EFAULT when the ring's memory is gone.
int32_t TransmitBurst(int fd, Arena* arena, Ring* ring, uint32_t head, uint32_t frames,
                      BurstObserver* observer = nullptr);

// Reads frames into the descriptors from `head` on, one each. Stops when nothing waits, and after an error of the device.
// Returns how many descriptors are completed, or -EFAULT when the ring's memory is gone.
int32_t ReceiveBurst(int fd, Arena* arena, Ring* ring, uint32_t head, uint32_t budget);

}  // namespace pagewire

// The fuzz target: an input is a program of up to 64 operations on an arena, its rings, a device and lists of pieces. What
// the addon answers and what it leaves in memory is held against a model that has its own copy of every byte. Bytes
// outside of the registered regions are the sanitizer's part. The entry point is libFuzzer's.
//
// The device is a pair of datagram sockets: frames keep their bounds, a full one answers EAGAIN, a long one is cut off.

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "../arena.h"
#include "../burst.h"
#include "../mapping.h"
#include "../pieces.h"
#include "../ring.h"
#include "buffers.h"
#include "input.h"

namespace pagewire::fuzz {

namespace {

using Bytes = std::vector<uint8_t>;

constexpr int kOperations = 64;
constexpr size_t kMostRegions = 24;
constexpr uint32_t kLengths[] = {0, 1, 8, 63, 64, 160, 320, 1000, 1514, 4096, 20000, kMaxFrame, kMaxFrame + 1, 600000};
// What Linux keeps free of a datagram socket's buffer (unix_dgram_sendmsg).
constexpr int kOverhead = 32;

[[noreturn]] void Fail(const char* what, int64_t expected, int64_t found) {
  fprintf(stderr, "ring-fuzz: %s: expected %lld, found %lld\n", what, static_cast<long long>(expected),
          static_cast<long long>(found));
  abort();
}

void Same(const char* what, int64_t expected, int64_t found) {
  if (expected != found) Fail(what, expected, found);
}

// A buffer or a window as the model sees it. `bytes` is empty once it is detached.
struct Memory {
  napi_value buffer = nullptr;
  Bytes bytes;
};

struct Region {
  uint32_t id;
  bool live;
  std::shared_ptr<Memory> memory;
};

struct Piece {
  uint32_t region, offset, length;
};

class Machine {
 public:
  explicit Machine(Input* input) : input_(*input), arena_(std::make_unique<Arena>(nullptr)) {
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets_) < 0) Fail("socketpair", 0, errno);
    // As much as one may have; a datagram beyond it is EMSGSIZE, as a super-frame is to a kernel that does not take it.
    const int wanted = 2 * kMaxFrame;
    if (setsockopt(sockets_[0], SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) < 0) {
      setsockopt(sockets_[0], SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
    }
    int room = 0;
    socklen_t size = sizeof room;
    if (getsockopt(sockets_[0], SOL_SOCKET, SO_SNDBUF, &room, &size) < 0) Fail("SO_SNDBUF", 0, errno);
    longest_ = room - kOverhead;
  }

  ~Machine() {
    arena_.reset();
    for (const auto& memory : buffers_) Release(memory->buffer);
    Same("buffers that live on", 0, static_cast<int64_t>(LiveBuffers()));
    close(sockets_[0]);
    close(sockets_[1]);
  }

  void Run() {
    for (int i = 0; i < kOperations && input_.more(); i++) {
      Step();
      Compare();
    }
  }

 private:
  void Step() {
    switch (input_.Below(16)) {
      case 0: case 1: return AddBuffer();
      case 2: return AddWindow();
      case 3: return Remove();
      case 4: return RegisterAgain();
      case 5: return DetachOne();
      case 6: case 7: return SetRing();
      case 8: return WriteDescriptors();
      case 9: case 10: return Transmit();
      case 11: return Receive();
      case 12: return Offer();
      case 13: return Drain();
      case 14: return Sum();
      default: return Copy();
    }
  }

  void AddBuffer() {
    if (regions_.size() >= kMostRegions) return;
    const uint32_t length = kLengths[input_.Below(std::size(kLengths))];
    const uint8_t first = input_.Byte();
    auto memory = std::make_shared<Memory>();
    memory->buffer = MakeBuffer(length, first);
    memory->bytes.assign(BytesOf(memory->buffer), BytesOf(memory->buffer) + length);
    buffers_.push_back(memory);
    Register(memory, arena_->Register(memory->buffer));
  }

  void AddWindow() {
    if (regions_.size() >= kMostRegions) return;
    const uint32_t length = std::max(1u, kLengths[input_.Below(std::size(kLengths))]);
    auto memory = std::make_shared<Memory>();
    for (uint32_t i = 0; i < length; i++) memory->bytes.push_back(static_cast<uint8_t>(i * 7));
    auto file = std::make_shared<FileDescriptor>(memfd_create("window", MFD_CLOEXEC));
    const ssize_t written = write(file->get(), memory->bytes.data(), length);
    if (written != static_cast<ssize_t>(length)) Fail("memfd", length, written);
    auto mapping = std::make_shared<Mapping>();
    Same("Mapping::Open", 0, mapping->Open(file, 0, length));
    Register(memory, arena_->Register(std::move(mapping)));
  }

  void Register(const std::shared_ptr<Memory>& memory, int32_t id) {
    if (id <= 0) Fail("an id", 1, id);
    for (const Region& region : regions_) {
      if (region.id == static_cast<uint32_t>(id)) Fail("an id that was there before", 0, id);
    }
    regions_.push_back({static_cast<uint32_t>(id), true, memory});
  }

  void Remove() {
    const uint32_t id = AnyId();
    Region* region = Find(id);
    std::shared_ptr<Mapping> mapping;
    Same("Unregister", region == nullptr ? -EINVAL : 0, arena_->Unregister(id, &mapping));
    if (region != nullptr) Same("a window", region->memory->buffer == nullptr, mapping != nullptr);
    if (region != nullptr) region->live = false;
  }

  void RegisterAgain() {
    if (buffers_.empty() || regions_.size() >= kMostRegions) return;
    const auto& memory = buffers_[input_.Below(buffers_.size())];
    Register(memory, arena_->Register(memory->buffer));
  }

  void DetachOne() {
    if (buffers_.empty()) return;
    const auto& memory = buffers_[input_.Below(buffers_.size())];
    Detach(memory->buffer);
    memory->bytes.clear();
  }

  void SetRing() {
    const uint32_t size = input_.Below(8) == 0 ? input_.Word() : 1u << input_.Below(9);
    const uint32_t id = AnyId();
    const bool good = size > 0 && size <= 65536 && (size & (size - 1)) == 0;
    Same("Configure", good ? 0 : -EINVAL, ring_.Configure(id, size));
    if (!good) return;
    ring_id_ = id;
    ring_size_ = size;
    if (input_.Below(4) != 0) WriteDescriptors();
  }

  // As JavaScript does: into the ring's memory, if it is there.
  void WriteDescriptors() {
    Memory* memory = Writable(ring_id_);
    const uint32_t first = input_.Byte();
    const uint32_t count = 1 + input_.Below(40);
    const uint8_t ends = input_.Byte();
    // Often one piece again and again: chains of many good pieces would not come about by chance.
    const bool same = (ends & 0x18) == 0;
    Piece piece = AnyPiece();
    for (uint32_t i = 0; i < count && ring_size_ > 0; i++) {
      if (!same && i > 0) piece = AnyPiece();
      const bool goes_on = same ? i + 1 < count : (input_.Byte() & 7) <= (ends & 7);
      const uint32_t next = goes_on ? kDescriptorNext : 0;
      const bool asks = i == 0 && (ends & 0xe0) == 0xa0;
      const uint32_t sum = asks ? kDescriptorChecksum | (piece.offset & 0x3f) << 8 | (first & 0x7f) << 16 : 0;
      const uint32_t words[4] = {piece.region, piece.offset, piece.length, next | sum};
      const size_t at = static_cast<size_t>((first + i) & (ring_size_ - 1)) * sizeof words;
      if (memory == nullptr || at + sizeof words > memory->bytes.size()) return;
      Poke(memory, at, words, sizeof words);
    }
  }

  void Transmit() {
    const uint32_t head = input_.Byte();
    const uint32_t frames = input_.Below(5) == 0 ? input_.Word() : input_.Below(12);
    const int32_t done = TransmitBurst(sockets_[0], arena_.get(), &ring_, head, frames);
    if (!HasRing()) return Same("TransmitBurst without a ring", -EFAULT, done);
    uint32_t index = head;
    for (uint32_t frame = 0; frame < frames && frame < ring_size_; frame++) {
      const uint32_t first = index;
      std::vector<Piece> pieces;
      int32_t status = Gathered(&index, &pieces);
      if (status >= 0) {
        const int32_t error = Finished(first);
        if (error < 0) status = error;
        else if (status > longest_) status = -EMSGSIZE;
      }
      if (status >= 0) {
        Bytes content;
        for (const Piece& piece : pieces) content.insert(content.end(), At(piece), At(piece) + piece.length);
        // The model does not know how much a socket takes: it stops where the addon did.
        if (static_cast<int32_t>(frame) == done) return;
        waiting_.push_back(std::move(content));
      } else if (static_cast<int32_t>(frame) == done) {
        Fail("frames completed before a bad one", frame + 1, done);
      }
      Status(first, status);
    }
    Same("frames completed", std::min(frames, ring_size_), done);
  }

  // What a chain must come to, as ring.h says it.
  int32_t Gathered(uint32_t* index, std::vector<Piece>* pieces) {
    int32_t error = 0;
    size_t bytes = 0;
    for (uint32_t walked = 0; walked < ring_size_; walked++) {
      const Descriptor words = DescriptorAt((*index)++);
      const Piece piece = {words.region, words.offset, words.length};
      if (error == 0 && At(piece) == nullptr) error = -EFAULT;
      if (error == 0 && (pieces->size() == kMaxPieces || bytes + piece.length > kMaxFrame)) error = -EMSGSIZE;
      if (error == 0 && piece.length > 0) {
        bytes += piece.length;
        pieces->push_back(piece);
      }
      if ((words.flags & kDescriptorNext) != 0) continue;
      if (error != 0) return error;
      return bytes == 0 ? -EINVAL : static_cast<int32_t>(bytes);
    }
    return error != 0 ? error : -EINVAL;
  }

  // What the checksum of a good chain must come to, and where it is written.
  int32_t Finished(uint32_t first) {
    uint32_t index = first;
    Descriptor asking = DescriptorAt(index);
    while ((asking.flags & kDescriptorChecksum) == 0) {
      if ((asking.flags & kDescriptorNext) == 0) return 0;
      asking = DescriptorAt(++index);
    }
    const uint32_t asked = index;
    const uint32_t start = asking.flags >> 16;
    const uint32_t field = asking.flags >> 8 & 0xff;
    if (start + field + 2 > asking.length) return -EINVAL;
    Memory* memory = Writable(asking.region);
    if (memory == nullptr) return -EFAULT;
    Bytes summed(At({asking.region, asking.offset, asking.length}) + start,
                 At({asking.region, asking.offset, asking.length}) + asking.length);
    for (Descriptor words = asking; (words.flags & kDescriptorNext) != 0;) {
      words = DescriptorAt(++index);
      const uint8_t* bytes = At({words.region, words.offset, words.length});
      summed.insert(summed.end(), bytes, bytes + words.length);
    }
    int32_t checksum = ~Rfc1071(summed) & 0xffff;
    if (checksum == 0 && field == 6) checksum = 0xffff;
    uint8_t* at = memory->bytes.data() + asking.offset + start + field;
    at[0] = static_cast<uint8_t>(checksum >> 8);
    at[1] = static_cast<uint8_t>(checksum);
    Flags(asked, asking.flags & kDescriptorNext);
    return 0;
  }

  void Receive() {
    const uint32_t head = input_.Byte();
    const uint32_t budget = input_.Below(5) == 0 ? input_.Word() : input_.Below(20);
    const int32_t done = ReceiveBurst(sockets_[0], arena_.get(), &ring_, head, budget);
    if (!HasRing()) return Same("ReceiveBurst without a ring", -EFAULT, done);
    uint32_t expected = 0;
    for (; expected < budget && expected < ring_size_; expected++) {
      const Descriptor words = DescriptorAt(head + expected);
      Memory* memory = Writable(words.region);
      const uint8_t* bytes = memory == nullptr ? nullptr : At({words.region, words.offset, words.length});
      if (bytes == nullptr || words.length == 0) {
        Status(head + expected, -EFAULT);
        continue;
      }
      if (offered_.empty()) break;
      const size_t length = std::min<size_t>(words.length, offered_.front().size());
      std::copy_n(offered_.front().begin(), length, memory->bytes.begin() + words.offset);
      offered_.pop_front();
      if ((words.flags & kDescriptorChecksum) != 0) {
        const size_t start = words.flags >> 16;
        const uint32_t sum = start < length ? Rfc1071(Bytes(bytes + start, bytes + length)) : 0;
        Flags(head + expected, start < length ? kDescriptorChecksum | sum << 16 : 0);
      }
      Status(head + expected, static_cast<int32_t>(length));
    }
    Same("descriptors completed", expected, done);
  }

  void Offer() {
    const Bytes frame(1 + input_.Word() % 2000, input_.Byte());
    if (send(sockets_[1], frame.data(), frame.size(), 0) > 0) offered_.push_back(frame);
  }

  void Drain() {
    // Of all machines: filling it anew each time would be most of the work.
    static Bytes frame(kMaxFrame + 1);
    while (!waiting_.empty()) {
      const ssize_t length = recv(sockets_[1], frame.data(), frame.size(), 0);
      Same("a frame's length", static_cast<int64_t>(waiting_.front().size()), length);
      if (!std::equal(waiting_.front().begin(), waiting_.front().end(), frame.begin())) Fail("a frame's bytes", 0, 1);
      waiting_.pop_front();
    }
    Same("a frame that nobody sent", -1, recv(sockets_[1], frame.data(), frame.size(), 0));
  }

  void Sum() {
    const uint32_t id = AnyId();
    const uint32_t count = WriteList(id);
    Bytes content;
    int32_t expected = Listed(id, count, SIZE_MAX, &content);
    if (expected == 0) expected = Rfc1071(content);
    Same("SumPieces", expected, SumPieces(arena_.get(), id, count));
  }

  // Into memory of its own: copies within the regions are the part of native-test.cc.
  void Copy() {
    const uint32_t id = AnyId();
    const uint32_t count = WriteList(id);
    const size_t room = kLengths[input_.Below(std::size(kLengths))];
    const bool with_sum = input_.Below(2) == 1;
    Bytes content;
    int32_t expected = Listed(id, count, room, &content);
    if (expected == 0 && with_sum) expected = Rfc1071(content);
    const std::unique_ptr<uint8_t[]> to(new uint8_t[room]);
    Same("CopyPieces", expected, CopyPieces(arena_.get(), id, count, {to.get(), room}, with_sum));
    if (!std::equal(content.begin(), content.end(), to.get())) Fail("the bytes of a copy", 0, 1);
  }

  uint32_t WriteList(uint32_t id) {
    Memory* memory = Writable(id);
    const uint32_t count = input_.Below(16) == 0 ? input_.Word() : input_.Below(kMaxPieces + 2);
    for (uint32_t i = 0; i < count && i <= kMaxPieces; i++) {
      const Piece piece = AnyPiece();
      if (memory == nullptr || (i + 1) * sizeof piece > memory->bytes.size()) break;
      Poke(memory, i * sizeof piece, &piece, sizeof piece);
    }
    return count;
  }

  int32_t Listed(uint32_t id, uint32_t count, size_t room, Bytes* content) {
    const Memory* memory = Writable(id);
    if (memory == nullptr || count > kMaxPieces || At({id, 0, count * 12}) == nullptr) return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
      Piece piece;
      memcpy(&piece, memory->bytes.data() + i * sizeof piece, sizeof piece);
      const uint8_t* bytes = At(piece);
      if (bytes == nullptr) return -EFAULT;
      if (content->size() + piece.length > room) return -EMSGSIZE;
      content->insert(content->end(), bytes, bytes + piece.length);
    }
    return 0;
  }

  static int32_t Rfc1071(const Bytes& bytes) {
    uint64_t sum = 0;
    for (size_t i = 0; i < bytes.size(); i++) sum += (i & 1) != 0 ? bytes[i] : bytes[i] << 8;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<int32_t>(sum);
  }

  uint32_t AnyId() {
    const uint8_t choice = input_.Byte();
    if (choice >= 248 || regions_.empty()) return input_.Word();
    // Those that were unregistered are among them.
    const uint32_t id = regions_[choice % regions_.size()].id;
    return choice >= 240 ? id ^ 1u << (input_.Byte() & 31) : id;
  }

  Piece AnyPiece() {
    const uint32_t id = AnyId();
    const Region* region = Find(id);
    const uint32_t length = region == nullptr ? 0 : static_cast<uint32_t>(region->memory->bytes.size());
    const uint32_t offset = input_.Below(2) == 0 ? 0 : input_.About(length);
    const uint32_t most = offset <= length ? length - offset : length;
    return {id, offset, input_.Below(3) == 0 ? input_.About(most) : std::min<uint32_t>(most, input_.Byte())};
  }

  Region* Find(uint32_t id) {
    for (Region& region : regions_) {
      if (region.live && region.id == id) return &region;
    }
    return nullptr;
  }

  // The region's memory unless it is a window, which nobody writes.
  Memory* Writable(uint32_t id) {
    const Region* region = Find(id);
    return region == nullptr || region->memory->buffer == nullptr ? nullptr : region->memory.get();
  }

  // The model's bytes of a piece; null when it is not wholly within a live region.
  const uint8_t* At(const Piece& piece) {
    const Region* region = Find(piece.region);
    // A buffer that was detached, or has no bytes, has no address either.
    if (region == nullptr) return nullptr;
    if (region->memory->buffer != nullptr && BytesOf(region->memory->buffer) == nullptr) return nullptr;
    const uint64_t end = static_cast<uint64_t>(piece.offset) + piece.length;
    static const uint8_t nothing = 0;
    if (end > region->memory->bytes.size()) return nullptr;
    return region->memory->bytes.empty() ? &nothing : region->memory->bytes.data() + piece.offset;
  }

  bool HasRing() {
    return ring_size_ > 0 && Writable(ring_id_) != nullptr && At({ring_id_, 0, ring_size_ * 20}) != nullptr;
  }

  size_t Slot(uint32_t index) const { return index & (ring_size_ - 1); }

  Descriptor DescriptorAt(uint32_t index) {
    Descriptor descriptor;
    memcpy(&descriptor, Find(ring_id_)->memory->bytes.data() + Slot(index) * sizeof descriptor, sizeof descriptor);
    return descriptor;
  }

  void Flags(uint32_t index, uint32_t flags) {
    memcpy(Writable(ring_id_)->bytes.data() + Slot(index) * 16 + 12, &flags, sizeof flags);
  }

  void Status(uint32_t index, int32_t status) {
    memcpy(Writable(ring_id_)->bytes.data() + ring_size_ * 16 + Slot(index) * 4, &status, sizeof status);
  }

  static void Poke(Memory* memory, size_t at, const void* from, size_t length) {
    memcpy(memory->bytes.data() + at, from, length);
    memcpy(BytesOf(memory->buffer) + at, from, length);
  }

  // Every byte of every buffer is what the model has.
  void Compare() {
    int64_t live = 0;
    for (const Region& region : regions_) live += region.live ? 1 : 0;
    Same("live regions", live, static_cast<int64_t>(arena_->live()));
    for (const auto& memory : buffers_) {
      if (memory->bytes.empty()) continue;
      if (memcmp(memory->bytes.data(), BytesOf(memory->buffer), memory->bytes.size()) != 0) Fail("memory", 0, 1);
    }
  }

  Input& input_;
  std::unique_ptr<Arena> arena_;
  Ring ring_;
  uint32_t ring_id_ = 0;
  uint32_t ring_size_ = 0;
  int sockets_[2];
  // Bytes of the largest datagram.
  int32_t longest_ = 0;
  std::vector<std::shared_ptr<Memory>> buffers_;
  std::vector<Region> regions_;
  std::deque<Bytes> waiting_;
  std::deque<Bytes> offered_;
};

}  // namespace

}  // namespace pagewire::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t length) {
  pagewire::fuzz::Input input(bytes, length);
  pagewire::fuzz::Machine(&input).Run();
  return 0;
}

// What the fuzz target does not reach: many ids, files that become shorter, copies onto themselves, sums of every length and
// alignment. A program without V8, for valgrind (memcheck) and the sanitizers. Exits with 0, or says what is wrong. With
// --plant it does wrong first.

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "../arena.h"
#include "../checksum.h"
#include "../guarded-copy.h"
#include "../mapping.h"
#include "../pieces.h"
#include "buffers.h"

// Nobody asks here what was covered.
extern "C" void __sanitizer_cov_trace_pc() {}

namespace pagewire::fuzz {

namespace {

void Expect(const char* what, int64_t expected, int64_t found) {
  if (expected == found) return;
  fprintf(stderr, "native-test: %s: expected %lld, found %lld\n", what, static_cast<long long>(expected),
          static_cast<long long>(found));
  exit(1);
}

uint16_t Rfc1071(const uint8_t* bytes, size_t length) {
  uint64_t sum = 0;
  for (size_t i = 0; i < length; i++) sum += (i & 1) != 0 ? bytes[i] : bytes[i] << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// Blocks of exactly the length that is summed, at every alignment: a load too far is a fault.
void Sums() {
  for (size_t length : {0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 95, 97, 127, 1514, 8191, 8193, 65535, 65537, 131073}) {
    for (size_t shift : {0, 1, 2, 7, 31}) {
      std::unique_ptr<uint8_t[]> bytes(new uint8_t[shift + length]);
      std::unique_ptr<uint8_t[]> copy(new uint8_t[length]);
      for (size_t i = 0; i < shift + length; i++) bytes[i] = static_cast<uint8_t>(255 - i * 7);
      const uint16_t expected = __builtin_bswap16(Rfc1071(bytes.get() + shift, length));
      Expect("Sum", expected, Sum(bytes.get() + shift, length));
      Expect("CopyAndSum", expected, CopyAndSum(copy.get(), bytes.get() + shift, length));
      Expect("a copy", 0, memcmp(copy.get(), bytes.get() + shift, length));
    }
  }
}

// Ids of regions that come and go are not given out again, and all are let go of.
void Regions() {
  Arena arena(nullptr);
  std::shared_ptr<Mapping> mapping;
  napi_value buffer = MakeBuffer(100, 0);
  std::vector<int32_t> ids;
  for (int i = 0; i < 3000; i++) {
    ids.push_back(arena.Register(buffer));
    if (i % 3 != 0) Expect("Unregister", 0, arena.Unregister(static_cast<uint32_t>(ids.back()), &mapping));
  }
  Expect("live", 1000, static_cast<int64_t>(arena.live()));
  arena.BeginBurst();
  for (size_t i = 0; i < ids.size(); i++) {
    const bool resolved = arena.Resolve(static_cast<uint32_t>(ids[i]), 99, 1) != nullptr;
    Expect("Resolve", i % 3 == 0, resolved);
  }
  Release(buffer);
}

std::shared_ptr<FileDescriptor> File(size_t length) {
  auto file = std::make_shared<FileDescriptor>(memfd_create("native-test", MFD_CLOEXEC));
  std::vector<uint8_t> bytes(length);
  for (size_t i = 0; i < length; i++) bytes[i] = static_cast<uint8_t>(i * 3);
  Expect("write", static_cast<int64_t>(length), write(file->get(), bytes.data(), length));
  return file;
}

// A window of a file that is truncated behind its back: an EFAULT for everybody who reads.
void Files() {
  constexpr size_t kLength = 200000;
  const auto file = File(kLength);
  Arena arena(nullptr);
  auto mapping = std::make_shared<Mapping>();
  Expect("behind the end", -EFAULT, mapping->Open(file, 0, kLength * 4));
  mapping = std::make_shared<Mapping>();
  Expect("Open", 0, mapping->Open(file, 4096, kLength - 4096));
  const uint8_t* data = mapping->data;
  const uint32_t window = static_cast<uint32_t>(arena.Register(std::move(mapping)));
  Expect("Resident", 1, arena.MappingOf(window)->Resident());

  napi_value list = MakeBuffer(24, 0);
  const uint32_t id = static_cast<uint32_t>(arena.Register(list));
  const uint32_t words[6] = {window, 1, 99999, window, 100000, 70001};
  memcpy(BytesOf(list), words, sizeof words);
  std::vector<uint8_t> copy(170000);
  const int32_t sum = CopyPieces(&arena, id, 2, {copy.data(), copy.size()}, true);
  Expect("CopyPieces", Rfc1071(copy.data(), copy.size()), sum);
  Expect("SumPieces", sum, SumPieces(&arena, id, 2));
  Expect("no room", -EMSGSIZE, CopyPieces(&arena, id, 2, {copy.data(), copy.size() - 1}, true));
  Expect("a byte of the copy", static_cast<uint8_t>(4097 * 3), copy[0]);
  Expect("GuardedCopy", 0, GuardedCopy(copy.data(), data, copy.size()));

  Expect("ftruncate", 0, ftruncate(file->get(), 8192));
  Expect("SumPieces", -EFAULT, SumPieces(&arena, id, 2));
  Expect("CopyPieces", -EFAULT, CopyPieces(&arena, id, 2, {copy.data(), copy.size()}, false));
  Expect("GuardedCopy", 0, GuardedCopy(copy.data(), data, 4096));
  for (int i = 0; i < 3; i++) Expect("GuardedCopy", -EFAULT, GuardedCopy(copy.data(), data, 150000));

  std::shared_ptr<Mapping> taken;
  Expect("Unregister", 0, arena.Unregister(window, &taken));
  Expect("SumPieces", -EFAULT, SumPieces(&arena, id, 2));
  Release(list);
}

// A copy within one buffer, forwards and backwards, and onto the list itself.
void Overlaps() {
  Arena arena(nullptr);
  napi_value buffer = MakeBuffer(1000, 0);
  const uint32_t id = static_cast<uint32_t>(arena.Register(buffer));
  const uint32_t words[3] = {id, 100, 500};
  for (const size_t to : {0, 12, 90, 100, 110, 400, 500}) {
    uint8_t* bytes = BytesOf(buffer);
    for (size_t i = 0; i < 1000; i++) bytes[i] = static_cast<uint8_t>(i);
    memcpy(bytes, words, sizeof words);
    const std::vector<uint8_t> before(bytes + 100, bytes + 600);
    const int32_t sum = CopyPieces(&arena, id, 1, {bytes + to, 1000 - to}, true);
    Expect("CopyPieces", Rfc1071(before.data(), before.size()), sum);
    Expect("the bytes of a copy", 0, memcmp(before.data(), bytes + to, before.size()));
  }
  Release(buffer);
}

// What whoever runs this must find, or a run that reports nothing proves nothing: a leak, and a question to bytes that
// nobody wrote.
void Plant() {
  volatile size_t length = 1000;
  uint8_t* volatile bytes = static_cast<uint8_t*>(malloc(length));
  if (bytes[1] == 1) puts("native-test: one");
  bytes = nullptr;
}

}  // namespace

}  // namespace pagewire::fuzz

int main(int count, char** arguments) {
  using namespace pagewire::fuzz;
  if (count > 1 && strcmp(arguments[1], "--plant") == 0) Plant();
  Sums();
  Regions();
  Files();
  Overlaps();
  Expect("buffers that live on", 0, static_cast<int64_t>(LiveBuffers()));
  puts("native-test: passed");
  return 0;
}

// A file whose pages are mapped read-only (MAP_SHARED), so that the kernel's own page cache goes out by reference. Owns a
// descriptor of its own and what the file was when it was opened. Windows are mapped and made resident by a thread of
// the pool, never by the event loop, and become regions of the arena; a window is unmapped by such a thread after its
// region was unregistered. The mapped bytes are never touched here (guarded-copy.cc does): a file that was truncated would end
// the process (SIGBUS).

#pragma once

#include <napi.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace pagewire {

// A descriptor that is closed with its last user: regions outlive the file's object.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// One mapped window. Unmaps itself.
struct Mapping {
  Mapping() = default;
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // Maps bytes [offset, offset + length) and brings them into memory. 0 or a negative errno: EFAULT when the file
  // does not reach so far. Blocks on the disk.
  int Open(std::shared_ptr<FileDescriptor> descriptor, uint64_t from, size_t bytes);
  // 1 when all of it is in memory, 0 when not, or a negative errno. Does not block.
  int Resident() const;

  std::shared_ptr<FileDescriptor> file;
  uint8_t* data = nullptr;
  size_t length = 0;
  uint64_t offset = 0;
};

// Unmaps windows on a thread of the pool: taking a large one out of the page tables would hold up the event loop.
class Unmapper {
 public:
  void Unmap(Napi::Env env, std::shared_ptr<Mapping> mapping);

 private:
  class Work;
  void Begin(Napi::Env env);

  // Those that came while others are being unmapped: they go together.
  std::vector<std::shared_ptr<Mapping>> waiting_;
  bool working_ = false;
};

// Reads exactly `length` bytes of a mapped file without touching the mapping. 0 or a negative errno (EFAULT: the file
// ends before).
int ReadExactly(int fd, uint8_t* to, size_t length, uint64_t offset);

class MappedFile : public Napi::ObjectWrap<MappedFile> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit MappedFile(const Napi::CallbackInfo& info);

 private:
  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Key(const Napi::CallbackInfo& info);
  Napi::Value Size(const Napi::CallbackInfo& info);
  Napi::Value Changed(const Napi::CallbackInfo& info);
  Napi::Value Map(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  std::shared_ptr<FileDescriptor> file_;
  struct stat opened_ {};
};

// resident(region): whether a mapped window is in memory.
Napi::Value RegionResident(const Napi::CallbackInfo& info);

}  // namespace pagewire

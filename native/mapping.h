// Windows of files, mapped read-only (MAP_SHARED), so that the kernel's own page cache goes out by reference. Owns the
// mapping and a share of the descriptor; knows nothing of JavaScript. The mapped bytes are never touched here
// (guarded-copy.cc does): a file that was truncated would end the process (SIGBUS).

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

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

// Reads exactly `length` bytes of a mapped file without touching the mapping. 0 or a negative errno (EFAULT: the file
// ends before).
int ReadExactly(int fd, uint8_t* to, size_t length, uint64_t offset);

}  // namespace pagewire

// mmap, MADV_POPULATE_READ, mincore, pread.

#include "mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "payload-guard.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace pagewire {

namespace {

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// Kernels before 5.14 do not know MADV_POPULATE_READ: what is read stays in the page cache just as well.
int PopulateByReading(int fd, size_t length, uint64_t offset) {
  std::vector<uint8_t> scratch(std::min<size_t>(length, 1 << 16));
  for (size_t done = 0; done < length; done += scratch.size()) {
    const int error = ReadExactly(fd, scratch.data(), std::min(scratch.size(), length - done), offset + done);
    if (error < 0) return error;
  }
  return 0;
}

}  // namespace

FileDescriptor::~FileDescriptor() { close(fd_); }

Mapping::~Mapping() {
  if (data == nullptr) return;
  UnguardPayload(data);
  munmap(data, length);
}

int Mapping::Open(std::shared_ptr<FileDescriptor> descriptor, uint64_t from, size_t bytes) {
  file = std::move(descriptor);
  void* at = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file->get(), static_cast<off_t>(from));
  if (at == MAP_FAILED) return -errno;
  data = static_cast<uint8_t*>(at);
  length = bytes;
  offset = from;
  int result;
  do {
    result = madvise(at, bytes, MADV_POPULATE_READ);
  } while (result < 0 && errno == EINTR);
  if (result == 0) return 0;
  return errno == EINVAL ? PopulateByReading(file->get(), bytes, from) : -errno;
}

int Mapping::Resident() const {
  unsigned char states[1024];
  const size_t page = PageSize();
  const size_t step = sizeof states * page;
  for (size_t done = 0; done < length; done += step) {
    const size_t bytes = std::min(step, length - done);
    if (mincore(data + done, bytes, states) < 0) return -errno;
    for (size_t i = 0; i < (bytes + page - 1) / page; i++) {
      if ((states[i] & 1) == 0) return 0;
    }
  }
  return 1;
}

int ReadExactly(int fd, uint8_t* to, size_t length, uint64_t offset) {
  while (length > 0) {
    const ssize_t bytes = pread(fd, to, length, static_cast<off_t>(offset));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return -errno;
    if (bytes == 0) return -EFAULT;
    to += bytes;
    length -= static_cast<size_t>(bytes);
    offset += static_cast<uint64_t>(bytes);
  }
  return 0;
}

}  // namespace pagewire

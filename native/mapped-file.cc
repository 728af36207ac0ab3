// mmap, MADV_POPULATE_READ on the thread pool, mincore, fstat.

#include "mapped-file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "arguments.h"
#include "instance.h"
#include "payload-guard.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace pagewire {

namespace {

constexpr size_t kLargestWindow = 1u << 30;

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

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

class MapWork : public Napi::AsyncWorker {
 public:
  MapWork(const Napi::Function& callback, std::shared_ptr<FileDescriptor> file, uint64_t offset, size_t length)
      : Napi::AsyncWorker(callback, "PagewireMap"), file_(std::move(file)), offset_(offset), length_(length) {}

  void Execute() override {
    mapping_ = std::make_shared<Mapping>();
    error_ = mapping_->Open(file_, offset_, length_);
  }

  void OnOK() override {
    Napi::HandleScope scope(Env());
    int32_t result = error_;
    if (error_ == 0) result = Env().GetInstanceData<Instance>()->arena.Register(std::move(mapping_));
    Callback().Call({Napi::Number::New(Env(), result)});
  }

 private:
  std::shared_ptr<FileDescriptor> file_;
  std::shared_ptr<Mapping> mapping_;
  uint64_t offset_;
  size_t length_;
  int error_ = 0;
};

}  // namespace

class Unmapper::Work : public Napi::AsyncWorker {
 public:
  Work(Napi::Env env, std::vector<std::shared_ptr<Mapping>> mappings)
      : Napi::AsyncWorker(env, "PagewireUnmap"), mappings_(std::move(mappings)) {}

  void Execute() override { mappings_.clear(); }

  void OnOK() override {
    Unmapper& unmapper = Env().GetInstanceData<Instance>()->unmapper;
    unmapper.working_ = false;
    if (!unmapper.waiting_.empty()) unmapper.Begin(Env());
  }

 private:
  std::vector<std::shared_ptr<Mapping>> mappings_;
};

void Unmapper::Unmap(Napi::Env env, std::shared_ptr<Mapping> mapping) {
  waiting_.push_back(std::move(mapping));
  if (!working_) Begin(env);
}

void Unmapper::Begin(Napi::Env env) {
  working_ = true;
  Work* work = new Work(env, std::move(waiting_));
  waiting_.clear();
  work->Queue();
}

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

Napi::Function MappedFile::Define(Napi::Env env) {
  return DefineClass(env, "MappedFile",
                     {InstanceMethod<&MappedFile::Open>("open"), InstanceMethod<&MappedFile::Key>("key"),
                      InstanceMethod<&MappedFile::Size>("size"), InstanceMethod<&MappedFile::Changed>("changed"),
                      InstanceMethod<&MappedFile::Map>("map"), InstanceMethod<&MappedFile::Close>("close")});
}

MappedFile::MappedFile(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MappedFile>(info) {}

// open(fd): takes a duplicate of the descriptor, which stays the caller's.
Napi::Value MappedFile::Open(const Napi::CallbackInfo& info) {
  if (file_) return Number(info, -EALREADY);
  const int fd = fcntl(Int(info, 0), F_DUPFD_CLOEXEC, 3);
  if (fd < 0) return Number(info, -errno);
  auto file = std::make_shared<FileDescriptor>(fd);
  if (fstat(fd, &opened_) < 0) return Number(info, -errno);
  if (!S_ISREG(opened_.st_mode)) return Number(info, -EINVAL);
  file_ = std::move(file);
  return Number(info, 0);
}

// key(): device, inode, size and modification time as they were at the opening.
Napi::Value MappedFile::Key(const Napi::CallbackInfo& info) {
  const std::string key = std::to_string(opened_.st_dev) + ":" + std::to_string(opened_.st_ino) + ":" +
                          std::to_string(opened_.st_size) + ":" +
                          std::to_string(static_cast<int64_t>(opened_.st_mtim.tv_sec) * 1000000000 +
                                         opened_.st_mtim.tv_nsec);
  return Napi::String::New(info.Env(), key);
}

Napi::Value MappedFile::Size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(opened_.st_size));
}

// changed(): 0 when size and modification time are as at the opening, 1 when not, or a negative errno.
Napi::Value MappedFile::Changed(const Napi::CallbackInfo& info) {
  if (!file_) return Number(info, -EBADF);
  struct stat now {};
  if (fstat(file_->get(), &now) < 0) return Number(info, -errno);
  return Number(info, SameFile(opened_, now) ? 0 : 1);
}

// map(offset, length, callback): the callback gets a region's id or a negative errno. `offset` is a multiple of the page size.
Napi::Value MappedFile::Map(const Napi::CallbackInfo& info) {
  const double offset = Double(info, 0);
  const uint32_t length = Uint(info, 1);
  if (!file_) return Number(info, -EBADF);
  if (!(offset >= 0 && offset <= 9007199254740991.0) || length == 0 || length > kLargestWindow) {
    return Number(info, -EINVAL);
  }
  if (!info[2].IsFunction()) return Number(info, -EINVAL);
  MapWork* work = new MapWork(info[2].As<Napi::Function>(), file_, static_cast<uint64_t>(offset), length);
  work->Queue();
  return Number(info, 0);
}

Napi::Value MappedFile::Close(const Napi::CallbackInfo& info) {
  file_.reset();
  return Number(info, 0);
}

Napi::Value RegionResident(const Napi::CallbackInfo& info) {
  const Mapping* mapping = info.Env().GetInstanceData<Instance>()->arena.MappingOf(Uint(info, 0));
  return Number(info, mapping == nullptr ? -EINVAL : mapping->Resident());
}

}  // namespace pagewire

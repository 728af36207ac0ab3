// The TAP: tun ioctls, one call per burst in each direction, and the poller.

#include "tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "arguments.h"
#include "instance.h"
#include "payload-guard.h"

namespace pagewire {

namespace {

// Frames whose pages are walked before they are written: 1 MiB. Four times as many leave the cache before their turn.
constexpr uint32_t kFramesAhead = 16;

int Ioctl(int fd, unsigned long request, void* argument) {
  if (fd < 0) return -EBADF;
  return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

// TUNSETOFFLOAD takes its mask by value.
int IoctlValue(int fd, unsigned long request, unsigned long value) {
  if (fd < 0) return -EBADF;
  return ioctl(fd, request, value) < 0 ? -errno : 0;
}

}  // namespace

Napi::Function Tap::Define(Napi::Env env) {
  return DefineClass(env, "Tap",
                     {InstanceMethod<&Tap::Open>("open"), InstanceMethod<&Tap::Attach>("attach"),
                      InstanceMethod<&Tap::Flags>("flags"), InstanceMethod<&Tap::SetHeaderSize>("setHeaderSize"),
                      InstanceMethod<&Tap::SetOffload>("setOffload"),
                      InstanceMethod<&Tap::SetSendBuffer>("setSendBuffer"),
                      InstanceMethod<&Tap::Prefetch>("prefetch"),
                      InstanceMethod<&Tap::Prefetched>("prefetched"), InstanceMethod<&Tap::SetRings>("setRings"), InstanceMethod<&Tap::Transmit>("transmit"),
                      InstanceMethod<&Tap::Receive>("receive"), InstanceMethod<&Tap::Poll>("poll"),
                      InstanceMethod<&Tap::Watch>("watch"), InstanceMethod<&Tap::Keep>("keep"),
                      InstanceMethod<&Tap::Close>("close")});
}

Tap::Tap(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<Tap>(info), arena_(&info.Env().GetInstanceData<Instance>()->arena) {}

Tap::~Tap() { CloseAll(); }

// open(path): the device node.
Napi::Value Tap::Open(const Napi::CallbackInfo& info) {
  if (fd_ >= 0) return Number(info, -EALREADY);
  const std::string path = Text(info, 0);
  fd_ = open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  return Number(info, fd_ < 0 ? -errno : 0);
}

// attach(name, vnetHeader): creates the interface or attaches to a persistent one.
Napi::Value Tap::Attach(const Napi::CallbackInfo& info) {
  const std::string name = Text(info, 0);
  ifreq request{};
  if (name.empty() || name.size() >= sizeof request.ifr_name) return Number(info, -EINVAL);
  memcpy(request.ifr_name, name.c_str(), name.size());
  request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | (Flag(info, 1) ? IFF_VNET_HDR : 0));
  return Number(info, Ioctl(fd_, TUNSETIFF, &request));
}

// flags(): the IFF_ flags of the attached device as the kernel has them.
Napi::Value Tap::Flags(const Napi::CallbackInfo& info) {
  ifreq request{};
  const int error = Ioctl(fd_, TUNGETIFF, &request);
  return Number(info, error < 0 ? error : static_cast<uint16_t>(request.ifr_flags));
}

Napi::Value Tap::SetHeaderSize(const Napi::CallbackInfo& info) {
  int bytes = Int(info, 0);
  return Number(info, Ioctl(fd_, TUNSETVNETHDRSZ, &bytes));
}

Napi::Value Tap::SetOffload(const Napi::CallbackInfo& info) {
  return Number(info, IoctlValue(fd_, TUNSETOFFLOAD, static_cast<unsigned long>(Uint(info, 0))));
}

Napi::Value Tap::SetSendBuffer(const Napi::CallbackInfo& info) {
  int bytes = Int(info, 0);
  return Number(info, Ioctl(fd_, TUNSETSNDBUF, &bytes));
}

// setRings(transmitRegion, transmitSize, receiveRegion, receiveSize)
Napi::Value Tap::SetRings(const Napi::CallbackInfo& info) {
  const int32_t error = transmit_.Configure(Uint(info, 0), Uint(info, 1));
  return Number(info, error < 0 ? error : receive_.Configure(Uint(info, 2), Uint(info, 3)));
}

// transmit(head, frames): one gathered write per frame. Stops where the device has no room (EAGAIN; that frame and those
// behind it stay pending); any other error is that frame's own. Returns how many frames are completed.
Napi::Value Tap::Transmit(const Napi::CallbackInfo& info) {
  uint32_t index = Uint(info, 0);
  const uint32_t frames = Uint(info, 1);
  if (fd_ < 0) return Number(info, -EBADF);
  arena_->BeginBurst();
  if (!transmit_.Map(arena_)) return Number(info, -EFAULT);
  uint32_t done = 0;
  uint32_t ahead = index;
  uint32_t asked = 0;
  for (; done < frames && done < transmit_.size(); done++) {
    if (prefetcher_) {
      prefetcher_->Passed(frames_ + done);
      for (; asked < frames && asked < done + kFramesAhead; asked++) Ahead(&ahead, frames_ + asked);
    }
    iovec iovecs[kMaxPieces];
    int pieces = 0;
    const uint32_t first = index;
    int32_t status = transmit_.Gather(arena_, &index, iovecs, &pieces);
    if (status >= 0) {
      const PayloadAccess access(iovecs, pieces);
      ssize_t written;
      do {
        written = writev(fd_, iovecs, pieces);
      } while (written < 0 && errno == EINTR);
      if (written < 0 && errno == EAGAIN) break;
      status = written < 0 ? -errno : static_cast<int32_t>(written);
    }
    transmit_.Complete(first, status);
  }
  frames_ += done;
  return Number(info, static_cast<int32_t>(done));
}

void Tap::Ahead(uint32_t* index, uint64_t frame) {
  for (uint32_t walked = 0; walked < transmit_.size(); walked++) {
    const Descriptor descriptor = transmit_.At((*index)++);
    const std::shared_ptr<Mapping>& window = arena_->WindowOf(descriptor.region);
    if (window && static_cast<uint64_t>(descriptor.offset) + descriptor.length <= window->length) {
      prefetcher_->Ask(frame, window, window->data + descriptor.offset, descriptor.length);
    }
    if ((descriptor.flags & kDescriptorNext) == 0) return;
  }
}

// prefetch(on): whether a thread walks the pages of the files' frames that come next. 0, or -EOPNOTSUPP in the guarded build.
Napi::Value Tap::Prefetch(const Napi::CallbackInfo& info) {
  const bool on = info[0].ToBoolean();
  if (on && kPayloadGuarded) return Number(info, -EOPNOTSUPP);
  if (on && !prefetcher_) prefetcher_ = std::make_unique<Prefetcher>();
  if (!on && prefetcher_) {
    prefetched_ += prefetcher_->bytes();
    prefetcher_.reset();
  }
  return Number(info, 0);
}

// prefetched(): bytes that were walked so.
Napi::Value Tap::Prefetched(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(prefetched_ + (prefetcher_ ? prefetcher_->bytes() : 0)));
}

// receive(head, budget): one read per posted descriptor. Stops when nothing waits, and after an error of the device.
// Returns how many descriptors are completed.
Napi::Value Tap::Receive(const Napi::CallbackInfo& info) {
  const uint32_t head = Uint(info, 0);
  const uint32_t budget = Uint(info, 1);
  if (fd_ < 0) return Number(info, -EBADF);
  arena_->BeginBurst();
  if (!receive_.Map(arena_)) return Number(info, -EFAULT);
  uint32_t done = 0;
  while (done < budget && done < receive_.size()) {
    const uint32_t index = head + done;
    const Descriptor descriptor = receive_.At(index);
    uint8_t* data = arena_->Resolve(descriptor.region, descriptor.offset, descriptor.length);
    if (data == nullptr || descriptor.length == 0) {
      receive_.Complete(index, -EFAULT);
      done++;
      continue;
    }
    ssize_t bytes;
    do {
      bytes = read(fd_, data, descriptor.length);
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0 && errno == EAGAIN) break;
    receive_.Complete(index, bytes < 0 ? -errno : static_cast<int32_t>(bytes));
    done++;
    if (bytes < 0) break;
  }
  return Number(info, static_cast<int32_t>(done));
}

// poll(callback): enters the event loop; nothing is watched yet.
Napi::Value Tap::Poll(const Napi::CallbackInfo& info) {
  if (fd_ < 0) return Number(info, -EBADF);
  if (poller_ != nullptr) return Number(info, -EALREADY);
  if (!info[0].IsFunction() || !callback_.Open(info.Env(), info[0], "PagewireTap")) return Number(info, -EINVAL);
  int error = 0;
  poller_ = Poller::Open(info.Env(), fd_, this, &error);
  if (poller_ == nullptr) {
    callback_.Close();
    return Number(info, error);
  }
  Ref();
  return Number(info, 0);
}

// watch(events): 1 readable, 2 writable, 0 nothing.
Napi::Value Tap::Watch(const Napi::CallbackInfo& info) {
  return Number(info, poller_ == nullptr ? -EBADF : poller_->Watch(Int(info, 0) & (UV_READABLE | UV_WRITABLE)));
}

// keep(alive): whether being in the event loop keeps the process alive.
Napi::Value Tap::Keep(const Napi::CallbackInfo& info) {
  if (poller_ == nullptr) return Number(info, -EBADF);
  if (Flag(info, 0)) {
    poller_->Ref();
  } else {
    poller_->Unref();
  }
  return Number(info, 0);
}

Napi::Value Tap::Close(const Napi::CallbackInfo& info) {
  CloseAll();
  return Number(info, 0);
}

void Tap::OnReady(int error, int events) { callback_.Call(error < 0 ? error : events); }

void Tap::OnExit() { CloseAll(); }

void Tap::CloseAll() {
  if (poller_ != nullptr) {
    poller_->Close();
    poller_ = nullptr;
    callback_.Close();
    Unref();
  }
  if (prefetcher_) prefetched_ += prefetcher_->bytes();
  prefetcher_.reset();
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace pagewire

// The TAP: tun ioctls, the bursts, and the poller.

#include "tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "arguments.h"
#include "burst.h"
#include "instance.h"
#include "payload-guard.h"

namespace pagewire {

namespace {

// Bytes whose pages are walked before they are written: what stays in the cache until its turn.
constexpr uint64_t kBytesAhead = 2048 * 1024;

int Ioctl(int fd, unsigned long request, void* argument) {
  if (fd < 0) return -EBADF;
  return ioctl(fd, request, argument) < 0 ? -errno : 0;
}

// TUNSETOFFLOAD takes its mask by value.
int IoctlValue(int fd, unsigned long request, unsigned long value) {
  if (fd < 0) return -EBADF;
  return ioctl(fd, request, value) < 0 ? -errno : 0;
}

// Has the payload of the frames that come next in a burst prefetched.
class Lookahead : public BurstObserver {
 public:
  // `first` is the number of the first frame, counted over all bursts.
  Lookahead(Prefetcher* prefetcher, Arena* arena, const Ring* ring, uint32_t head, uint32_t frames, uint64_t first)
      : prefetcher_(prefetcher), arena_(arena), ring_(ring), index_(head), frames_(frames), first_(first) {}

  void BeforeFrame(uint32_t done) override {
    prefetcher_->Passed(first_ + done);
    const uint64_t begun = done == 0 ? 0 : ends_[(done - 1) % kEnds];
    for (; asked_ < frames_ && asked_ < done + kEnds && bytes_ < begun + kBytesAhead; asked_++) {
      // The one that is written now is too near.
      Walk(first_ + asked_, asked_ > done);
      ends_[asked_ % kEnds] = bytes_;
    }
  }

 private:
  // Moves behind the frame's chain.
  void Walk(uint64_t frame, bool ask) {
    for (uint32_t walked = 0; walked < ring_->size(); walked++) {
      const Descriptor descriptor = ring_->At(index_++);
      bytes_ += descriptor.length;
      const std::shared_ptr<Mapping>& window = arena_->WindowOf(descriptor.region);
      if (ask && window && static_cast<uint64_t>(descriptor.offset) + descriptor.length <= window->length) {
        prefetcher_->Ask(frame, window, window->data + descriptor.offset, descriptor.length);
      }
      if ((descriptor.flags & kDescriptorNext) == 0) return;
    }
  }

  Prefetcher* prefetcher_;
  Arena* arena_;
  const Ring* ring_;
  uint32_t index_;
  uint32_t frames_;
  uint64_t first_;
  uint32_t asked_ = 0;
  // Bytes of all frames asked for, and of those up to each of the last ones.
  static constexpr uint32_t kEnds = 64;
  uint64_t bytes_ = 0;
  uint64_t ends_[kEnds] = {};
};

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

// transmit(head, frames): how many frames are completed, or a negative errno (burst.h).
Napi::Value Tap::Transmit(const Napi::CallbackInfo& info) {
  if (fd_ < 0) return Number(info, -EBADF);
  if (!prefetcher_) return Number(info, TransmitBurst(fd_, arena_, &transmit_, Uint(info, 0), Uint(info, 1)));
  Lookahead ahead(prefetcher_.get(), arena_, &transmit_, Uint(info, 0), Uint(info, 1), frames_);
  const int32_t done = TransmitBurst(fd_, arena_, &transmit_, Uint(info, 0), Uint(info, 1), &ahead);
  if (done > 0) frames_ += static_cast<uint32_t>(done);
  return Number(info, done);
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

// receive(head, budget): how many descriptors are completed, or a negative errno (burst.h).
Napi::Value Tap::Receive(const Napi::CallbackInfo& info) {
  if (fd_ < 0) return Number(info, -EBADF);
  return Number(info, ReceiveBurst(fd_, arena_, &receive_, Uint(info, 0), Uint(info, 1)));
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

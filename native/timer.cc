// timerfd in the event loop.

#include "timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "arguments.h"

namespace pagewire {

Napi::Function Timer::Define(Napi::Env env) {
  return DefineClass(env, "Timer",
                     {InstanceMethod<&Timer::Open>("open"), InstanceMethod<&Timer::Arm>("arm"),
                      InstanceMethod<&Timer::Disarm>("disarm"), InstanceMethod<&Timer::Keep>("keep"),
                      InstanceMethod<&Timer::Close>("close")});
}

Timer::Timer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Timer>(info) {}

Timer::~Timer() { CloseAll(); }

// open(callback)
Napi::Value Timer::Open(const Napi::CallbackInfo& info) {
  if (fd_ >= 0) return Number(info, -EALREADY);
  if (!info[0].IsFunction() || !callback_.Open(info.Env(), info[0], "PagewireTimer")) return Number(info, -EINVAL);
  int error = 0;
  fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd_ < 0) error = -errno;
  if (error == 0) poller_ = Poller::Open(info.Env(), fd_, this, &error);
  if (poller_ == nullptr) {
    callback_.Close();
    CloseAll();
    return Number(info, error);
  }
  Ref();
  return Number(info, poller_->Watch(UV_READABLE));
}

// arm(microseconds): from now; 0 and less fire in the next turn of the loop.
Napi::Value Timer::Arm(const Napi::CallbackInfo& info) {
  constexpr double kLongest = 1e15;
  const double microseconds = Double(info, 0);
  if (!(microseconds < kLongest)) return Number(info, Set(static_cast<int64_t>(kLongest) * 1000));
  const int64_t nanoseconds = static_cast<int64_t>(microseconds > 0 ? microseconds * 1000 : 0);
  return Number(info, Set(nanoseconds > 0 ? nanoseconds : 1));
}

Napi::Value Timer::Disarm(const Napi::CallbackInfo& info) { return Number(info, Set(0)); }

// keep(alive): whether the timer keeps the process alive.
Napi::Value Timer::Keep(const Napi::CallbackInfo& info) {
  if (poller_ == nullptr) return Number(info, -EBADF);
  if (Flag(info, 0)) {
    poller_->Ref();
  } else {
    poller_->Unref();
  }
  return Number(info, 0);
}

Napi::Value Timer::Close(const Napi::CallbackInfo& info) {
  CloseAll();
  return Number(info, 0);
}

int Timer::Set(int64_t nanoseconds) {
  if (fd_ < 0) return -EBADF;
  constexpr int64_t kSecond = 1000000000;
  itimerspec setting{};
  setting.it_value.tv_sec = static_cast<time_t>(nanoseconds / kSecond);
  setting.it_value.tv_nsec = static_cast<long>(nanoseconds % kSecond);
  return timerfd_settime(fd_, 0, &setting, nullptr) < 0 ? -errno : 0;
}

void Timer::OnReady(int error, int) {
  uint64_t expirations = 0;
  // Nothing to read: it was armed anew after the loop saw it expire.
  if (error == 0 && read(fd_, &expirations, sizeof expirations) != sizeof expirations) return;
  callback_.Call(error);
}

void Timer::OnExit() { CloseAll(); }

void Timer::CloseAll() {
  if (poller_ != nullptr) {
    poller_->Close();
    poller_ = nullptr;
    callback_.Close();
    Unref();
  }
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace pagewire

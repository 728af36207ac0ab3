// A timer of microsecond resolution: a timerfd (CLOCK_MONOTONIC) in Node's event loop. One shot; arming anew replaces.

#pragma once

#include <napi.h>

#include "callback.h"
#include "poller.h"

namespace pagewire {

class Timer : public Napi::ObjectWrap<Timer>, private Poller::Owner {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Timer(const Napi::CallbackInfo& info);
  ~Timer() override;

 private:
  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Arm(const Napi::CallbackInfo& info);
  Napi::Value Disarm(const Napi::CallbackInfo& info);
  Napi::Value Keep(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  int Set(int64_t nanoseconds);
  void OnReady(int error, int events) override;
  void OnExit() override;
  void CloseAll();

  int fd_ = -1;
  Poller* poller_ = nullptr;
  Callback callback_;
};

}  // namespace pagewire

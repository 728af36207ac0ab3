// Watches one interface through a NETLINK_ROUTE socket (rtnetlink(7)): administrative state, carrier, MTU, deletion. The
// socket belongs to the network namespace in which it was opened, as the TAP does.

#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

#include "callback.h"
#include "poller.h"

namespace pagewire {

class LinkWatch : public Napi::ObjectWrap<LinkWatch>, private Poller::Owner {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit LinkWatch(const Napi::CallbackInfo& info);
  ~LinkWatch() override;

 private:
  // What `refresh` returns and the callback gets.
  enum State : int32_t { kUp = 1, kCarrier = 2, kGone = 4 };

  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Refresh(const Napi::CallbackInfo& info);
  Napi::Value Mtu(const Napi::CallbackInfo& info);
  Napi::Value Keep(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  int Ask();
  void Drain();
  void Parse(const char* bytes, size_t length);
  void OnReady(int error, int events) override;
  void OnExit() override;
  void CloseAll();

  int fd_ = -1;
  int index_ = 0;
  int32_t state_ = 0;
  int32_t mtu_ = 0;
  Poller* poller_ = nullptr;
  Callback callback_;
};

}  // namespace pagewire

// One TAP device: its descriptor, its ioctls, the two rings in front of it and its place in the event loop. Every method
// answers 0 or more, or a negative errno; nothing throws for what the system says. Owns no policy: what to offer, when to
// watch for room and what an error means is decided in TypeScript (drivers/tap).

#pragma once

#include <napi.h>

#include <memory>

#include "callback.h"
#include "poller.h"
#include "prefetcher.h"
#include "ring.h"

namespace pagewire {

class Tap : public Napi::ObjectWrap<Tap>, private Poller::Owner {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Tap(const Napi::CallbackInfo& info);
  ~Tap() override;

 private:
  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Attach(const Napi::CallbackInfo& info);
  Napi::Value Flags(const Napi::CallbackInfo& info);
  Napi::Value SetHeaderSize(const Napi::CallbackInfo& info);
  Napi::Value SetOffload(const Napi::CallbackInfo& info);
  Napi::Value SetSendBuffer(const Napi::CallbackInfo& info);
  Napi::Value SetRings(const Napi::CallbackInfo& info);
  Napi::Value Transmit(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value Poll(const Napi::CallbackInfo& info);
  Napi::Value Watch(const Napi::CallbackInfo& info);
  Napi::Value Keep(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value Prefetch(const Napi::CallbackInfo& info);
  Napi::Value Prefetched(const Napi::CallbackInfo& info);

  void OnReady(int error, int events) override;
  void OnExit() override;
  void CloseAll();
  // Has the payload of the frame whose chain begins at `*index` prefetched, and moves `*index` behind it.
  void Ahead(uint32_t* index, uint64_t frame);

  Arena* arena_;
  int fd_ = -1;
  Ring transmit_;
  Ring receive_;
  Poller* poller_ = nullptr;
  Callback callback_;
  // Walks ahead of the frames that are being written; null while that is switched off.
  std::unique_ptr<Prefetcher> prefetcher_;
  uint64_t prefetched_ = 0;
  uint64_t frames_ = 0;
};

}  // namespace pagewire

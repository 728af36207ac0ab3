// uv_poll with a way out.

#include "poller.h"

#include <cerrno>
#include <new>

namespace pagewire {

Poller* Poller::Open(napi_env env, int fd, Owner* owner, int* error) {
  uv_loop_t* loop = nullptr;
  *error = -EINVAL;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return nullptr;
  Poller* poller = new (std::nothrow) Poller(env, owner);
  *error = -ENOMEM;
  if (poller == nullptr) return nullptr;
  *error = uv_poll_init(loop, &poller->handle_, fd);
  if (*error != 0) {
    delete poller;
    return nullptr;
  }
  poller->handle_.data = poller;
  if (napi_add_async_cleanup_hook(env, OnEnvironmentExit, poller, &poller->hook_) != napi_ok) {
    *error = -ECANCELED;
    poller->Close();
    return nullptr;
  }
  return poller;
}

int Poller::Watch(int events) {
  if (owner_ == nullptr) return -EBADF;
  return events == 0 ? uv_poll_stop(&handle_) : uv_poll_start(&handle_, events, OnPoll);
}

void Poller::Close() {
  owner_ = nullptr;
  uv_handle_t* handle = reinterpret_cast<uv_handle_t*>(&handle_);
  if (uv_is_closing(handle) == 0) uv_close(handle, OnClosed);
}

void Poller::OnPoll(uv_poll_t* handle, int status, int events) {
  Poller* poller = static_cast<Poller*>(handle->data);
  if (poller->owner_ != nullptr) poller->owner_->OnReady(status, events);
}

void Poller::OnClosed(uv_handle_t* handle) {
  Poller* poller = static_cast<Poller*>(handle->data);
  if (poller->hook_ != nullptr) napi_remove_async_cleanup_hook(poller->hook_);
  delete poller;
}

void Poller::OnEnvironmentExit(napi_async_cleanup_hook_handle, void* data) {
  Poller* poller = static_cast<Poller*>(data);
  if (poller->owner_ != nullptr) poller->owner_->OnExit();
  poller->Close();
}

}  // namespace pagewire

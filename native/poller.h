// A file descriptor watched by Node's event loop (uv_poll). Owns the uv handle and its orderly end: on Close, and when
// the environment (a worker, the process) exits first. Does not own the descriptor, which may be closed right after
// Close. Frees itself when the loop has let go of the handle.

#pragma once

#include <napi.h>
#include <uv.h>

namespace pagewire {

class Poller {
 public:
  class Owner {
   public:
    // `error` is 0 or a negative errno (EBADF: the descriptor reported an error; polling has stopped).
    virtual void OnReady(int error, int events) = 0;
    // The environment exits: the poller is not to be used any more.
    virtual void OnExit() = 0;

   protected:
    ~Owner() = default;
  };

  // A poller that watches nothing yet, or null with `*error` set to a negative errno.
  static Poller* Open(napi_env env, int fd, Owner* owner, int* error);
  // `events` of UV_READABLE and UV_WRITABLE; 0 watches nothing. 0 or a negative errno.
  int Watch(int events);
  void Ref() { uv_ref(reinterpret_cast<uv_handle_t*>(&handle_)); }
  void Unref() { uv_unref(reinterpret_cast<uv_handle_t*>(&handle_)); }
  // The owner is not called any more. Allowed within OnReady.
  void Close();

 private:
  Poller(napi_env env, Owner* owner) : env_(env), owner_(owner) {}
  ~Poller() = default;
  static void OnPoll(uv_poll_t* handle, int status, int events);
  static void OnClosed(uv_handle_t* handle);
  static void OnEnvironmentExit(napi_async_cleanup_hook_handle hook, void* data);

  napi_env env_;
  Owner* owner_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_poll_t handle_{};
};

}  // namespace pagewire

// A file whose windows become regions of the arena. Owns a descriptor of its own and what the file was when it was opened.
// Windows are mapped and made resident by a thread of the pool, never by the event loop; a window is unmapped by such a
// thread after its region was unregistered. What a window is: mapping.h.

#pragma once

#include <napi.h>
#include <sys/stat.h>

#include <memory>
#include <vector>

#include "mapping.h"

namespace pagewire {

// Unmaps windows on a thread of the pool: taking a large one out of the page tables would hold up the event loop.
class Unmapper {
 public:
  void Unmap(Napi::Env env, std::shared_ptr<Mapping> mapping);

 private:
  class Work;
  void Begin(Napi::Env env);

  // Those that came while others are being unmapped: they go together.
  std::vector<std::shared_ptr<Mapping>> waiting_;
  bool working_ = false;
};

class MappedFile : public Napi::ObjectWrap<MappedFile> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit MappedFile(const Napi::CallbackInfo& info);

 private:
  Napi::Value Open(const Napi::CallbackInfo& info);
  Napi::Value Key(const Napi::CallbackInfo& info);
  Napi::Value Size(const Napi::CallbackInfo& info);
  Napi::Value Changed(const Napi::CallbackInfo& info);
  Napi::Value Map(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  std::shared_ptr<FileDescriptor> file_;
  struct stat opened_ {};
};

}  // namespace pagewire

// Configuration of the kernel's interfaces (netdevice(7)): what the machine's end of the TAP needs. Cold paths.

#pragma once

#include <napi.h>

namespace pagewire {

void DefineInterface(Napi::Env env, Napi::Object exports);

}  // namespace pagewire

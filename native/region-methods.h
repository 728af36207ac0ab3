// The addon's functions over registered regions: from JavaScript's arguments to arena, pieces and mappings, and back.

#pragma once

#include <napi.h>

namespace pagewire {

// sum, copyAndSum, copy, copyMapped, regionResident.
void DefineRegionMethods(Napi::Env env, Napi::Object exports);

}  // namespace pagewire

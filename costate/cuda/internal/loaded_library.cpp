#include "costate/cuda/internal/loaded_library.h"

#include <dlfcn.h>

namespace costate::internal {

LoadedLibrary::LoadedLibrary(const std::string& what, std::span<const std::string> files) : what_(what) {
  for (const std::string& file : files) {
    if ((handle_ = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)) == nullptr) continue;
    file_ = file;
    return;
  }
  const char* reason = ::dlerror();
  throw NotSupported("[cuda] no ", what, " was found (", reason == nullptr ? "no file is named" : reason,
                     "); run this on the CPU (device = cpu).");
}

void* LoadedLibrary::symbol(const char* name) const {
  void* found = ::dlsym(handle_, name);
  if (found == nullptr)
    throw NotSupported("[cuda] ", what_, " (", file_, ") has no ", name, "; a newer one is needed.");
  return found;
}

}  // namespace costate::internal

#include "costate/solve/internal/cvodes_library.h"

#include <dlfcn.h>

#include "costate/base/error.h"

namespace costate::internal::sundials {

Library load_library(const char* name) {
  Library found;
  void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);  // and it stays loaded
  bool is_whole = handle != nullptr;
#define COSTATE_CVODES(result, function, parameters)                                               \
  if (is_whole) found.function = reinterpret_cast<result(*) parameters>(dlsym(handle, #function)); \
  is_whole = is_whole && found.function != nullptr;
  COSTATE_CVODES_FUNCTIONS
#undef COSTATE_CVODES
  if (!is_whole)
    throw NotSupported(
        "[solve] methods 'bdf' and 'adams' are those of SUNDIALS 6, whose library ", name,
        " is not installed here; install it (Debian: libsundials-dev), or take 'kvaerno5' or 'rodas5p' for stiff "
        "fields and 'vern7' for others.");
  return found;
}

const Library& library() {
#ifdef __APPLE__
  static const Library found = load_library("libsundials_cvodes.6.dylib");
#else
  static const Library found = load_library("libsundials_cvodes.so.6");
#endif
  return found;
}

}  // namespace costate::internal::sundials

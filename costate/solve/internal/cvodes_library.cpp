#include "costate/solve/internal/cvodes_library.h"

#include <dlfcn.h>

#include <string>

#include "costate/base/error.h"

namespace costate::internal::sundials {

Library load_library(std::span<const char* const> names) {
  Library found;
  void* handle = nullptr;
  std::string why;  // the last one is not to be had
  for (const char* name : names) {
    if (handle == nullptr) handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);  // and it stays loaded
    if (handle == nullptr) why = dlerror();
  }
  bool is_whole = handle != nullptr;
#define COSTATE_CVODES(result, function, parameters)                                               \
  if (is_whole) found.function = reinterpret_cast<result(*) parameters>(dlsym(handle, #function)); \
  if (is_whole && found.function == nullptr) {                                                     \
    why = "it has no " #function;                                                                  \
    is_whole = false;                                                                              \
  }
  COSTATE_CVODES_FUNCTIONS
#undef COSTATE_CVODES
  if (!is_whole)
    throw NotSupported(
        "[solve] methods 'bdf' and 'adams' are those of SUNDIALS 6 or 7, whose library could not be loaded (", why,
        "); install it (Debian: libsundials-dev), unless another package of this process has loaded one of its own "
        "before, as FMPy does, or take 'kvaerno5' or 'rodas5p' for stiff fields and 'vern7' for others.");
  found.CVodeSetErrFile = reinterpret_cast<int (*)(Memory, std::FILE*)>(dlsym(handle, "CVodeSetErrFile"));
  found.SUNContext_ClearErrHandlers = reinterpret_cast<int (*)(Context)>(dlsym(handle, "SUNContext_ClearErrHandlers"));
  if (found.SUNContext_ClearErrHandlers != nullptr) found.no_communicator = dlsym(handle, "ompi_mpi_comm_null");
  return found;
}

const Library& library() {
#ifdef __APPLE__
  constexpr const char* kNames[] = {"libsundials_cvodes.6.dylib", "libsundials_cvodes.7.dylib"};
#else
  constexpr const char* kNames[] = {"libsundials_cvodes.so.6", "libsundials_cvodes.so.7"};
#endif
  static const Library found = load_library(kNames);
  return found;
}

}  // namespace costate::internal::sundials

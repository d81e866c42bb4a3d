// The card that tests of kernels run on: the machine's own where COSTATE_CUDA asks for it and there is a driver, and
// else one that driver_stand_in.cpp emulates.
#pragma once

#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>

#include "costate/cuda/internal/card.h"
#include "tests/io/scratch.h"

namespace costate::test {

inline bool has_cpp_compiler() { return std::system("c++ --version > /dev/null 2>&1") == 0; }

/// Null where this process has no emulated card.
inline void* stand_in() { return ::dlopen(COSTATE_CUDA_STAND_IN, RTLD_NOW | RTLD_NOLOAD); }

/// From its first mention in a process on.
inline internal::KernelDevice& card() {
  const bool has_own = stand_in() == nullptr && std::getenv("COSTATE_CUDA") != nullptr &&
                       ::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL) != nullptr;
  if (has_own) return internal::card();
  static const Scratch kernels;
  ::setenv("COSTATE_CUDA", "experimental", 1);
  ::setenv("COSTATE_NVRTC", COSTATE_CUDA_STAND_IN, 1);
  ::setenv("COSTATE_KERNEL_CACHE", kernels.folder().c_str(), 1);
  if (::dlopen(COSTATE_CUDA_STAND_IN, RTLD_NOW | RTLD_LOCAL) == nullptr) throw std::runtime_error(::dlerror());
  return internal::card();
}

/// A number of the stand-in, by its name.
template <class Number>
Number& of_stand_in(const char* name) {
  return *static_cast<Number*>(::dlsym(stand_in(), name));
}

/// Whether the threads of a phase, and the blocks, run from the last to the first, where they are emulated.
inline void run_backwards(bool backwards) {
  if (stand_in() != nullptr) *static_cast<bool*>(::dlsym(stand_in(), "costate_stand_in_backwards")) = backwards;
}

}  // namespace costate::test

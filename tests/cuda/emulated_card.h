// The machine's card as driver_stand_in.cpp emulates it, from its first mention in a process on.
#pragma once

#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>

#include "costate/cuda/internal/card.h"
#include "tests/io/scratch.h"

namespace costate::test {

inline bool has_cpp_compiler() { return std::system("c++ --version > /dev/null 2>&1") == 0; }

/// Whether this process has the emulated card, and so no other.
inline bool is_emulated() { return ::dlopen(COSTATE_CUDA_STAND_IN, RTLD_NOW | RTLD_NOLOAD) != nullptr; }

inline internal::KernelDevice& emulated_card() {
  static const Scratch kernels;
  ::setenv("COSTATE_CUDA", "experimental", 1);
  ::setenv("COSTATE_NVRTC", COSTATE_CUDA_STAND_IN, 1);
  ::setenv("COSTATE_KERNEL_CACHE", kernels.folder().c_str(), 1);
  if (::dlopen(COSTATE_CUDA_STAND_IN, RTLD_NOW | RTLD_LOCAL) == nullptr) throw std::runtime_error(::dlerror());
  return internal::card();
}

/// Whether the threads of a phase, and the blocks, run from the last to the first.
inline void run_backwards(bool backwards) {
  void* driver = ::dlopen(COSTATE_CUDA_STAND_IN, RTLD_NOW | RTLD_NOLOAD);
  *static_cast<bool*>(::dlsym(driver, "costate_stand_in_backwards")) = backwards;
}

}  // namespace costate::test

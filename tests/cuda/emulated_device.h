// A KernelDevice on the host: generated source is compiled by the machine's own compiler beside emulation.h.
#pragma once

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>

#include "costate/cuda/internal/kernel.h"
#include "tests/io/scratch.h"

namespace costate::test {

inline bool has_cpp_compiler() { return std::system("c++ --version > /dev/null 2>&1") == 0; }

class EmulatedModule : public internal::KernelModule {
 public:
  EmulatedModule(const std::string& source, const bool& backwards) : backwards_(backwards) {
    scratch_.write("kernel.cpp", source);
    std::string flags =
        " -std=c++17 -O0 -ffp-contract=off -Wall -Wextra -Werror -Wno-unknown-pragmas -Wno-unused -shared -fPIC";
#if defined(__x86_64__)
    if (__builtin_cpu_supports("fma")) flags += " -mfma";
#endif
    const std::string library = (scratch_ / "kernel.so").string(), log = (scratch_ / "log").string();
    const std::string command = "c++" + flags + " -I" + COSTATE_SOURCE_DIR + "/tests/cuda " +
                                (scratch_ / "kernel.cpp").string() + " -o " + library + " > " + log + " 2>&1";
    if (std::system(command.c_str()) != 0) {
      std::ifstream in(log);
      throw std::runtime_error(std::string(std::istreambuf_iterator<char>(in), {}));
    }
    library_ = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library_ == nullptr) throw std::runtime_error(dlerror());
  }
  ~EmulatedModule() override {
    if (library_ != nullptr) dlclose(library_);
  }

  void launch(const internal::KernelShape& kernel, std::size_t blocks,
              const std::vector<std::uint64_t>& words) override {
    using Run = void (*)(const void*, int, std::size_t, bool);
    void* symbol = dlsym(library_, kernel.name.c_str());
    if (symbol == nullptr) throw std::runtime_error("no kernel " + kernel.name);
    reinterpret_cast<Run>(symbol)(words.data(), static_cast<int>(blocks), kernel.shared_bytes, backwards_);
  }

 private:
  Scratch scratch_;
  const bool& backwards_;
  void* library_ = nullptr;
};

class EmulatedDevice : public internal::KernelDevice {
 public:
  /// Whether the threads of a phase, and the blocks, run from the last to the first.
  bool backwards = false;
  std::size_t shared_bytes = 227 * 1024;

  std::size_t shared_limit() const override { return shared_bytes; }
  std::uint64_t allocate(std::size_t bytes) override {
    void* memory = ::operator new(bytes);
    std::memset(memory, 0xff, bytes);
    return reinterpret_cast<std::uint64_t>(memory);
  }
  void release(std::uint64_t address) noexcept override { ::operator delete(reinterpret_cast<void*>(address)); }
  void copy_to_device(std::uint64_t to, const void* from, std::size_t bytes) override {
    std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  }
  void copy_to_host(void* to, std::uint64_t from, std::size_t bytes) override {
    std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  }
  std::shared_ptr<internal::KernelModule> load(const std::string& source) override {
    return std::make_shared<EmulatedModule>(source, backwards);
  }
};

}  // namespace costate::test

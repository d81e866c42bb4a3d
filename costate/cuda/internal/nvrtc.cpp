#include "costate/cuda/internal/nvrtc.h"

#include <cstdlib>
#include <memory>
#include <vector>

#include "costate/base/error.h"
#include "costate/cuda/internal/loaded_library.h"

namespace costate::internal {
namespace {

using Program = void*;

std::vector<std::string> nvrtc_files() {
  if (const char* named = std::getenv("COSTATE_NVRTC"); named != nullptr && *named != '\0') return {named};
  return {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"};
}

}  // namespace

struct Nvrtc::Functions {
  LoadedLibrary library{"NVRTC (libnvrtc.so; pip install nvidia-cuda-nvrtc, and name it in COSTATE_NVRTC)",
                        nvrtc_files()};
  int (*version)(int*, int*) = library.function<int(int*, int*)>("nvrtcVersion");
  int (*create)(Program*, const char*, const char*, int, const char* const*, const char* const*) =
      library.function<int(Program*, const char*, const char*, int, const char* const*, const char* const*)>(
          "nvrtcCreateProgram");
  int (*destroy)(Program*) = library.function<int(Program*)>("nvrtcDestroyProgram");
  int (*compile)(Program, int,
                 const char* const*) = library.function<int(Program, int, const char* const*)>("nvrtcCompileProgram");
  int (*code_size)(Program, std::size_t*) = library.function<int(Program, std::size_t*)>("nvrtcGetCUBINSize");
  int (*code)(Program, char*) = library.function<int(Program, char*)>("nvrtcGetCUBIN");
  int (*log_size)(Program, std::size_t*) = library.function<int(Program, std::size_t*)>("nvrtcGetProgramLogSize");
  int (*log)(Program, char*) = library.function<int(Program, char*)>("nvrtcGetProgramLog");
  const char* (*error)(int) = library.function<const char*(int)>("nvrtcGetErrorString");

  void check(int result) const {
    if (result != 0) throw InternalError("[cuda] NVRTC failed: ", error(result), ".");
  }
};

const Nvrtc::Functions& Nvrtc::functions() {
  static const Functions all;
  return all;
}

Nvrtc::Nvrtc() {
  int major = 0, minor = 0;
  functions().check(functions().version(&major, &minor));
  version_ = text::concat(major, ".", minor);
}

CompiledKernel Nvrtc::compile(const std::string& source, const std::string& architecture) const {
  const Functions& nvrtc = functions();
  Program made = nullptr;
  nvrtc.check(nvrtc.create(&made, source.c_str(), "costate.cu", 0, nullptr, nullptr));
  const auto destroy = [&](Program* program) { nvrtc.destroy(program); };
  const std::unique_ptr<Program, decltype(destroy)> program(&made, destroy);
  // No multiplication is merged with an addition that the source does not merge: the CPU does neither.
  const std::string target = "--gpu-architecture=" + architecture;
  const char* options[] = {target.c_str(), "--std=c++17", "--fmad=false", "-default-device", "--ptxas-options=-v"};
  const int result = nvrtc.compile(made, static_cast<int>(std::size(options)), options);
  CompiledKernel kernel;
  std::size_t size = 0;
  nvrtc.check(nvrtc.log_size(made, &size));
  kernel.log.resize(size);
  nvrtc.check(nvrtc.log(made, kernel.log.data()));
  while (!kernel.log.empty() && kernel.log.back() == '\0') kernel.log.pop_back();
  if (result != 0)
    throw InternalError("[cuda] NVRTC ", version_, " refuses a kernel for ", architecture, ": ", nvrtc.error(result),
                        "\n", kernel.log);
  nvrtc.check(nvrtc.code_size(made, &size));
  kernel.code.resize(size);
  nvrtc.check(nvrtc.code(made, kernel.code.data()));
  return kernel;
}

}  // namespace costate::internal

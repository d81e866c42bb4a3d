// NVRTC, NVIDIA's compiler as a library: source text → machine code of one architecture.
#pragma once

#include <string>

namespace costate::internal {

struct CompiledKernel {
  std::string code;  // a cubin
  std::string log;   // registers, spills and shared memory, as ptxas tells them
};

/// Loads libnvrtc, from where COSTATE_NVRTC says or as the system finds it. NotSupported if there is none,
/// InternalError with the compiler's log if it refuses the source.
class Nvrtc {
 public:
  Nvrtc();

  /// "12.9"
  const std::string& version() const { return version_; }
  /// `architecture`: "sm_90".
  CompiledKernel compile(const std::string& source, const std::string& architecture) const;

 private:
  struct Functions;
  static const Functions& functions();

  std::string version_;
};

}  // namespace costate::internal

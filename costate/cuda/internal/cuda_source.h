// A CUDA C++ source under construction: the functions that were written so far, and the tables and helpers that they
// use. It compiles with NVRTC, and as plain C++ beside a header "emulation.h" (text/device.inc).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "costate/array/shape.h"
#include "costate/source/internal/used_parts.h"

namespace costate::internal {

/// "float" or "double".
const char* device_type(Dtype dtype);
constexpr std::size_t device_size(Dtype dtype) { return dtype == Dtype::kF32 ? sizeof(float) : sizeof(double); }

class CudaSource {
 public:
  /// Blocks have so many threads.
  explicit CudaSource(std::size_t threads);

  std::size_t threads() const { return threads_; }

  /// The function of an elementary operation. Those that the library has itself have its bits.
  std::string helper(const std::string& part, Dtype dtype);
  /// A constant array, the same for the same numbers.
  std::string table(std::span<const std::uint32_t> indices);

  void add(const std::string& text) { body_ += text; }
  /// Functions that others may have added before; they come before all else.
  void add_once(std::string_view text);

  std::string text() const;

 private:
  std::size_t threads_;
  std::map<Dtype, UsedParts> parts_;
  std::map<std::vector<std::uint32_t>, std::string> tables_;
  std::set<std::string, std::less<>> added_;
  std::string constants_, body_;
};

}  // namespace costate::internal

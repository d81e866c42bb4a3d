// Where the numbers of a .npy file are, without reading them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace costate::internal {

struct NpyLayout {
  std::string descr;  // "<f8"
  bool is_fortran_order = false;
  std::vector<std::int64_t> axes;
  std::size_t offset = 0;  // of the numbers
};

/// Reads the header of .npy bytes. DataError, NotSupported as parse_npy, but for the length of the numbers.
NpyLayout npy_layout(std::string_view bytes, const std::string& source);

}  // namespace costate::internal

// What a .npy file holds and where its numbers are, without reading them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "costate/base/error.h"

namespace costate::internal {

/// Whether the bytes start like a .npy file.
bool is_npy(std::string_view bytes);

/// A sound .npy file of an array that is not read: "[read_npy] 'SOURCE' REASON."
class UnreadArray : public NotSupported {
 public:
  UnreadArray(const std::string& source, const std::string& reason)
      : NotSupported("[read_npy] '", source, "' ", reason, "."), reason_(reason) {}
  /// "holds records; …"
  const std::string& reason() const { return reason_; }

 private:
  std::string reason_;
};

struct NpyLayout {
  std::string descr;  // "<f8"
  bool is_fortran_order = false;
  std::vector<std::int64_t> axes;
  std::size_t offset = 0;  // of the numbers
};

/// Reads the header of .npy bytes. DataError as parse_npy, but for the length of the numbers; UnreadArray.
NpyLayout npy_layout(std::string_view bytes, const std::string& source);

}  // namespace costate::internal

// The arrays of a .npz that can be read, and why others cannot.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "costate/array/host_array.h"

namespace costate::internal {

struct NpzContent {
  std::map<std::string, HostArray> arrays;
  std::map<std::string, std::string> others;  // by name, a reason: "holds elements of type '<U3'; …"
};

/// As parse_npz, but arrays of other elements than numbers are among `others`. DataError as parse_npz.
NpzContent read_npz_content(std::string_view bytes, const std::string& source);

}  // namespace costate::internal

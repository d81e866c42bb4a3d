// ZIP archives, as far as .npz needs them: stored and deflated files below 4 GiB.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace costate::internal {

struct ZipMember {
  std::string name;
  std::string bytes;
};

/// The files of an archive. DataError, naming `source`, if it is damaged; NotSupported for ZIP64 sizes, encryption and
/// other methods of compression.
std::vector<ZipMember> read_zip(std::string_view bytes, const std::string& source);

enum class ZipMethod { kStored, kDeflated };
std::string write_zip(const std::vector<ZipMember>& members, ZipMethod method);

}  // namespace costate::internal

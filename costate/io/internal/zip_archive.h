// Files as one ZIP archive, in memory.
#pragma once

#include <span>
#include <string>

namespace costate::internal {

struct ZippedFile {
  std::string name, content;
};

enum class ZipMethod { kStored, kDeflated };

/// The archive's bytes, the same for the same files: no date goes in.
std::string zip_archive(std::span<const ZippedFile> files, ZipMethod method);

}  // namespace costate::internal

// The IDX format of MNIST and Fashion-MNIST, plain or gzipped.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "costate/array/host_array.h"

namespace costate {

/// Reads IDX bytes, gzipped or not; `source` is the file's name in messages. Numbers come as they are stored (pixels
/// 0…255): bytes, shorts and floats as f32, ints and doubles as f64. DataError if the bytes are truncated or not IDX.
HostArray parse_idx(std::string_view bytes, const std::string& source);

/// Reads a file; IoError if that fails.
HostArray read_idx(const std::filesystem::path& path);

}  // namespace costate

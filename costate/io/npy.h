// NumPy's files: one array (.npy, format 1.0 and 2.0) or several by name (.npz, stored or deflated).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "costate/array/host_array.h"

namespace costate {

/// Reads .npy bytes; `source` is the file's name in messages. f4 and f8 keep their type; booleans and integers become
/// f64 (exact up to 2^53). Either byte order, either axis order. DataError if the bytes are truncated or not a .npy
/// file, NotSupported for other element types.
HostArray parse_npy(std::string_view bytes, const std::string& source);

/// The array as .npy bytes, format 1.0, little-endian, row-major.
std::string to_npy(const HostArray& array);

/// The same for .npz, a ZIP of .npy files, whose names come without ".npy". NotSupported for encrypted files and for
/// compression that this machine's libzip lacks; deflate it always has.
std::map<std::string, HostArray> parse_npz(std::string_view bytes, const std::string& source);

enum class NpzCompression { kStored, kDeflated };
/// Equal arrays give equal bytes on one machine. InvalidArgument for a name that is not UTF-8 on one line.
std::string to_npz(const std::map<std::string, HostArray>& arrays,
                   NpzCompression compression = NpzCompression::kDeflated);

/// Reading and writing of files; IoError if that fails. Writing is atomic (files.h).
HostArray read_npy(const std::filesystem::path& path);
void write_npy(const std::filesystem::path& path, const HostArray& array);
std::map<std::string, HostArray> read_npz(const std::filesystem::path& path);
void write_npz(const std::filesystem::path& path, const std::map<std::string, HostArray>& arrays,
               NpzCompression compression = NpzCompression::kDeflated);

}  // namespace costate

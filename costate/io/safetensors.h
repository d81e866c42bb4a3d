// Named arrays in one file, in the safetensors format: readable by Python's `safetensors` and the other way round.
//
//     8 bytes   n, little-endian: length of the header
//     n bytes   JSON: {"__metadata__": {text: text}, name: {"dtype": "F64", "shape": […],
//               "data_offsets": [begin, end]}}
//     the rest  the numbers, little-endian, row-major, without holes
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "costate/array/host_array.h"

namespace costate {

/// What a file holds. Equal contents give equal bytes.
struct ArrayFile {
  std::map<std::string, HostArray> arrays;
  std::map<std::string, std::string> metadata;

  /// DataError that names the nearest array if there is none called `name`.
  const HostArray& array(const std::string& name) const;
};

/// The file's bytes. InvalidArgument if an array is called "__metadata__".
std::string to_safetensors(const ArrayFile& file);

/// The contents of a file; `source` is its name in messages. DataError if the bytes are truncated or not safetensors
/// (header length, JSON, shapes, offsets that overlap or leave holes); NotSupported for a dtype other than F32 and F64.
ArrayFile parse_safetensors(std::string_view bytes, const std::string& source);

/// Reads or writes a file; IoError if that fails. Writing is atomic (files.h). A file is written with a digest of the
/// rest in its metadata; DataError if it does not fit what is read. Files of others have none.
ArrayFile read_safetensors(const std::filesystem::path& path);
void write_safetensors(const std::filesystem::path& path, const ArrayFile& file);

}  // namespace costate

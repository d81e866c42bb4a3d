// Gzipped files and zlib's streams, through zlib.
#pragma once

#include <string>
#include <string_view>

namespace costate::internal {

/// Whether the bytes start like a gzip file.
bool is_gzip(std::string_view bytes);

/// Decompresses a gzip file, or streams of zlib, of one or more members. DataError, naming `source`, if it is damaged
/// or beyond 4 GiB.
std::string gunzip(std::string_view bytes, const std::string& source);

}  // namespace costate::internal

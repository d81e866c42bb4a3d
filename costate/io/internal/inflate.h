// Compression through zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace costate::internal {

/// Decompresses a gzip file of one or more members. DataError, naming `source`, if it is damaged or beyond 4 GiB.
std::string gunzip(std::string_view bytes, const std::string& source);

/// Decompresses a raw deflate stream that must give `size` bytes; DataError otherwise.
std::string inflate_raw(std::string_view bytes, std::uint64_t size, const std::string& source);

/// A raw deflate stream.
std::string deflate_raw(std::string_view bytes);

std::uint32_t checksum(std::string_view bytes);

}  // namespace costate::internal

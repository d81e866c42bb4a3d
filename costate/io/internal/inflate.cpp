#include "costate/io/internal/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "costate/base/error.h"

namespace costate::internal {
namespace {

constexpr int kRawDeflate = -MAX_WBITS;
constexpr int kGzip = 16 + MAX_WBITS;
/// zlib counts the bytes of a call in 32 bits.
constexpr std::size_t kMaxCall = std::size_t{1} << 30;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 32;

[[noreturn]] void reject(const std::string& source, const char* what) {
  throw DataError("[inflate] '", source, "' ", what, ". It may be damaged or cut short.");
}

class Inflater {
 public:
  Inflater(std::string_view bytes, int format, const std::string& source) : rest_(bytes), source_(source) {
    if (::inflateInit2(&stream_, format) != Z_OK) throw InternalError("[inflate] zlib cannot start.");
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends the stream's contents; more than `most` bytes in `out` are an error.
  void read_stream(std::string& out, std::uint64_t most) {
    int status = Z_OK;
    while (status != Z_STREAM_END) {
      const std::size_t taken = std::min(rest_.size(), kMaxCall);
      char block[1 << 16];
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
      stream_.avail_in = static_cast<uInt>(taken);
      stream_.next_out = reinterpret_cast<Bytef*>(block);
      stream_.avail_out = sizeof block;
      status = ::inflate(&stream_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END) reject(source_, "holds a compressed part that is not sound");
      rest_.remove_prefix(taken - stream_.avail_in);
      out.append(block, sizeof block - stream_.avail_out);
      if (out.size() > most) reject(source_, "holds more bytes than it says");
    }
  }
  /// Ready for another stream after the one just read.
  void restart() { ::inflateReset(&stream_); }
  std::string_view rest() const { return rest_; }

 private:
  z_stream stream_{};
  std::string_view rest_;
  const std::string& source_;
};

}  // namespace

std::string gunzip(std::string_view bytes, const std::string& source) {
  Inflater inflater(bytes, kGzip, source);
  std::string out;
  inflater.read_stream(out, kMostBytes);
  while (!inflater.rest().empty()) {
    inflater.restart();
    inflater.read_stream(out, kMostBytes);
  }
  return out;
}

std::string inflate_raw(std::string_view bytes, std::uint64_t size, const std::string& source) {
  std::string out;
  Inflater(bytes, kRawDeflate, source).read_stream(out, size);
  if (out.size() != size) reject(source, "holds fewer bytes than it says");
  return out;
}

std::string deflate_raw(std::string_view bytes) {
  z_stream stream{};
  constexpr int kDefaultMemory = 8;
  if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawDeflate, kDefaultMemory, Z_DEFAULT_STRATEGY) !=
      Z_OK)
    throw InternalError("[deflate] zlib cannot start.");
  std::string out;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    const std::size_t taken = std::min(bytes.size(), kMaxCall);
    char block[1 << 16];
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(taken);
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof block;
    status = ::deflate(&stream, taken == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    bytes.remove_prefix(taken - stream.avail_in);
    out.append(block, sizeof block - stream.avail_out);
  }
  ::deflateEnd(&stream);
  return out;
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace costate::internal

#include "costate/io/internal/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>

#include "costate/base/error.h"

namespace costate::internal {
namespace {

constexpr int kGzipOrZlib = 32 + MAX_WBITS;  // as its header says
/// zlib counts the bytes of a call in 32 bits.
constexpr std::size_t kMaxCall = std::size_t{1} << 30;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 32;

[[noreturn]] void reject_gzip(const std::string& source, const char* what) {
  throw DataError("[gunzip] '", source, "' ", what, ". It may be damaged or cut short.");
}

class Inflater {
 public:
  Inflater(std::string_view bytes, const std::string& source) : rest_(bytes), source_(source) {
    if (::inflateInit2(&stream_, kGzipOrZlib) != Z_OK) throw InternalError("[gunzip] zlib cannot start.");
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends the contents of one member.
  void read_member(std::string& out) {
    int status = Z_OK;
    while (status != Z_STREAM_END) {
      const std::size_t taken = std::min(rest_.size(), kMaxCall);
      char block[1 << 16];
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
      stream_.avail_in = static_cast<uInt>(taken);
      stream_.next_out = reinterpret_cast<Bytef*>(block);
      stream_.avail_out = sizeof block;
      status = ::inflate(&stream_, Z_NO_FLUSH);
      if (status != Z_OK && status != Z_STREAM_END) reject_gzip(source_, "holds a compressed part that is not sound");
      rest_.remove_prefix(taken - stream_.avail_in);
      out.append(block, sizeof block - stream_.avail_out);
      if (out.size() > kMostBytes) reject_gzip(source_, "holds more than 4 GiB");
    }
  }
  /// Ready for another member after the one just read.
  void restart() { ::inflateReset(&stream_); }
  std::string_view rest() const { return rest_; }

 private:
  z_stream stream_{};
  std::string_view rest_;
  const std::string& source_;
};

}  // namespace

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1F\x8B"); }

std::string gunzip(std::string_view bytes, const std::string& source) {
  Inflater inflater(bytes, source);
  std::string out;
  inflater.read_member(out);
  while (!inflater.rest().empty()) {
    inflater.restart();
    inflater.read_member(out);
  }
  return out;
}

}  // namespace costate::internal

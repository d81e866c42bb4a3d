// Layout: two zero bytes, element type, rank, the axis lengths as 32-bit numbers, the elements; all big-endian.
#include "costate/io/idx.h"

#include <cstdint>
#include <vector>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/bytes.h"
#include "costate/io/internal/gzip.h"

namespace costate {
namespace {

constexpr std::size_t kMarkBytes = 4;

[[noreturn]] void reject_idx(const std::string& source, const std::string& what) {
  throw DataError("[read_idx] '", source, "' is not a sound IDX file: ", what, ". It may be damaged or cut short.");
}

template <class Stored, class Value>
HostArray convert(std::string_view data, const std::vector<std::int64_t>& axes) {
  std::vector<Value> values(data.size() / sizeof(Stored));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<Value>(internal::load_big_endian<Stored>(data, i * sizeof(Stored)));
  return HostArray(Shape(axes), std::move(values));
}

struct IdxType {
  unsigned char code;
  std::size_t bytes;
  HostArray (*read)(std::string_view data, const std::vector<std::int64_t>& axes);
};

constexpr IdxType kIdxTypes[] = {{0x08, 1, convert<std::uint8_t, float>}, {0x09, 1, convert<std::int8_t, float>},
                                 {0x0B, 2, convert<std::int16_t, float>}, {0x0C, 4, convert<std::int32_t, double>},
                                 {0x0D, 4, convert<float, float>},        {0x0E, 8, convert<double, double>}};

const IdxType& find_type(char code, const std::string& source) {
  for (const IdxType& type : kIdxTypes)
    if (static_cast<char>(type.code) == code) return type;
  reject_idx(source, "its element type is unknown");
}

}  // namespace

HostArray parse_idx(std::string_view bytes, const std::string& source) {
  std::string unpacked;
  if (internal::is_gzip(bytes)) {
    unpacked = internal::gunzip(bytes, source);
    bytes = unpacked;
  }
  if (bytes.size() < kMarkBytes || bytes[0] != 0 || bytes[1] != 0) reject_idx(source, "it does not start like one");
  const IdxType& type = find_type(bytes[2], source);
  const std::size_t rank = static_cast<unsigned char>(bytes[3]);
  const std::size_t begin = kMarkBytes + 4 * rank;
  if (bytes.size() < begin) reject_idx(source, "its axis lengths are cut short");
  std::vector<std::int64_t> axes;
  for (std::size_t axis = 0; axis < rank; ++axis)
    axes.push_back(internal::load_big_endian<std::uint32_t>(bytes, kMarkBytes + 4 * axis));
  const std::string_view data = bytes.substr(begin);
  const auto size = internal::checked_size(axes);
  if (!size || *size * type.bytes != data.size())
    reject_idx(source,
               text::concat("shape [", text::join(axes), "] does not fit the ", data.size(), " bytes that follow"));
  return type.read(data, axes);
}

HostArray read_idx(const std::filesystem::path& path) { return parse_idx(read_file(path), path.string()); }

}  // namespace costate

// .npy: "\x93NUMPY", version, header length, a Python dictionary {'descr', 'fortran_order', 'shape'}, the numbers.
#include "costate/io/npy.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/bytes.h"
#include "costate/io/internal/npy_layout.h"

namespace costate {
namespace {

constexpr std::string_view kMark = "\x93NUMPY";
constexpr std::size_t kAlignment = 64;

template <class... Part>
[[noreturn]] void reject_npy(const std::string& source, const Part&... part) {
  throw DataError("[read_npy] '", source, "' is not a sound .npy file: ", part..., ". It may be damaged or cut short.");
}

using Header = internal::NpyLayout;

/// Reads the dictionary, whose three keys NumPy writes in any order.
class HeaderReader {
 public:
  HeaderReader(std::string_view text, const std::string& source) : rest_(text), source_(source) {}

  Header read() {
    Header header;
    std::set<std::string> keys;
    expect('{');
    while (!take('}')) {
      const std::string key = read_text();
      expect(':');
      if (key == "descr")
        header.descr = read_text();
      else if (key == "fortran_order")
        header.is_fortran_order = read_flag();
      else if (key == "shape")
        header.axes = read_shape();
      else
        reject_npy(source_, "its header has an unknown key");
      if (!keys.insert(key).second) reject_npy(source_, "its header has '", key, "' twice");
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    if (keys.size() != 3 || header.descr.empty()) reject_npy(source_, "its header is incomplete");
    return header;
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
  }
  bool take(char c) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) reject_npy(source_, "its header lacks a '", c, "'");
  }
  std::string read_text() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"' && !take('"')) {
      if (!rest_.empty() && rest_.front() == '[')
        throw internal::UnreadArray(source_, "holds records; save one array of numbers a file");
      reject_npy(source_, "its header lacks a quote");
    }
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) reject_npy(source_, "its header lacks a quote");
    const std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool read_flag() {
    skip_blanks();
    for (const std::string_view word : {"True", "False"}) {
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      return word == "True";
    }
    reject_npy(source_, "fortran_order is neither True nor False");
  }
  std::vector<std::int64_t> read_shape() {
    std::vector<std::int64_t> axes;
    expect('(');
    while (!take(')')) {
      axes.push_back(read_length());
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    return axes;
  }
  std::int64_t read_length() {
    skip_blanks();
    constexpr std::int64_t kMost = std::int64_t{1} << 50;
    std::int64_t value = -1;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9' && value < kMost) {
      value = 10 * std::max<std::int64_t>(value, 0) + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (value < 0) reject_npy(source_, "its shape is not a list of lengths");
    return value;
  }

  std::string_view rest_;
  const std::string& source_;
};

/// `Stored` numbers as `Value`s.
template <class Stored, class Value>
HostArray convert(std::string_view data, const Shape& shape, bool is_big_endian) {
  std::vector<Value> values(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<Value>(is_big_endian ? internal::load_big_endian<Stored>(data, i * sizeof(Stored))
                                                 : internal::load<Stored>(data, i * sizeof(Stored)));
  return HostArray(shape, std::move(values));
}

struct NpyType {
  std::string_view code;
  std::size_t bytes;
  HostArray (*read)(std::string_view data, const Shape& shape, bool is_big_endian);
};

constexpr NpyType kNpyTypes[] = {{"f4", 4, convert<float, float>},          {"f8", 8, convert<double, double>},
                                 {"i1", 1, convert<std::int8_t, double>},   {"i2", 2, convert<std::int16_t, double>},
                                 {"i4", 4, convert<std::int32_t, double>},  {"i8", 8, convert<std::int64_t, double>},
                                 {"u1", 1, convert<std::uint8_t, double>},  {"u2", 2, convert<std::uint16_t, double>},
                                 {"u4", 4, convert<std::uint32_t, double>}, {"u8", 8, convert<std::uint64_t, double>},
                                 {"b1", 1, convert<std::uint8_t, double>}};

const NpyType& find_type(const std::string& descr, const std::string& source) {
  const bool has_order = std::string_view("<>|=").find(descr.front()) != std::string_view::npos;
  for (const NpyType& type : kNpyTypes)
    if (std::string_view(descr).substr(has_order ? 1 : 0) == type.code) return type;
  throw internal::UnreadArray(
      source, text::concat("holds elements of type '", descr,
                           "'; only floats of 4 and 8 bytes, integers and booleans are read. Convert it with astype"));
}

/// Reverses the order of the axes: what is stored column by column becomes row-major.
HostArray from_fortran_order(const HostArray& stored, const std::vector<std::int64_t>& axes) {
  HostArray array(Shape(axes), stored.dtype());
  std::vector<std::int64_t> index(axes.size(), 0);
  const std::vector<std::int64_t> strides = array.shape().strides();
  for (std::int64_t i = 0; i < array.size(); ++i) {
    std::int64_t position = 0;
    for (std::size_t axis = 0; axis < axes.size(); ++axis) position += index[axis] * strides[axis];
    array.set(position, stored.at(i));
    for (std::size_t axis = 0; axis < axes.size() && ++index[axis] == axes[axis]; ++axis) index[axis] = 0;
  }
  return array;
}

/// The numbers' place after a header of either version.
std::size_t data_offset(std::string_view bytes, const std::string& source, std::string_view& header) {
  if (bytes.size() < 10 || !internal::is_npy(bytes)) reject_npy(source, "it does not start like one");
  const auto version = static_cast<unsigned char>(bytes[kMark.size()]);
  if (version != 1 && version != 2)
    throw internal::UnreadArray(source, text::concat("has format version ", int{version}, "; only 1 and 2 are read"));
  const std::size_t begin = version == 1 ? 10 : 12;
  if (bytes.size() < begin) reject_npy(source, "its header is cut short");
  const std::size_t length =
      version == 1 ? internal::load<std::uint16_t>(bytes, 8) : internal::load<std::uint32_t>(bytes, 8);
  if (length > bytes.size() - begin) reject_npy(source, "its header is cut short");
  header = bytes.substr(begin, length);
  return begin + length;
}

}  // namespace

bool internal::is_npy(std::string_view bytes) { return bytes.starts_with(kMark); }

internal::NpyLayout internal::npy_layout(std::string_view bytes, const std::string& source) {
  std::string_view text;
  const std::size_t offset = data_offset(bytes, source, text);
  NpyLayout layout = HeaderReader(text, source).read();
  layout.offset = offset;
  return layout;
}

HostArray parse_npy(std::string_view bytes, const std::string& source) {
  const Header header = internal::npy_layout(bytes, source);
  const NpyType& type = find_type(header.descr, source);
  const std::optional<std::uint64_t> size = internal::checked_size(header.axes);
  const std::string_view data = bytes.substr(header.offset);
  if (!size || *size * type.bytes != data.size())
    reject_npy(source, "shape [", text::join(header.axes), "] and type ", header.descr, " do not fit the ", data.size(),
               " bytes that follow");
  const bool is_big_endian = header.descr.front() == '>';
  if (!header.is_fortran_order) return type.read(data, Shape(header.axes), is_big_endian);
  const std::vector<std::int64_t> reversed(header.axes.rbegin(), header.axes.rend());
  return from_fortran_order(type.read(data, Shape(reversed), is_big_endian), header.axes);
}

std::string to_npy(const HostArray& array) {
  const bool is_f32 = array.dtype() == Dtype::kF32;
  const std::vector<std::int64_t>& axes = array.shape().axes();
  std::string header = text::concat("{'descr': '", is_f32 ? "<f4" : "<f8", "', 'fortran_order': False, 'shape': (",
                                    text::join(axes), axes.size() == 1 ? ",), }" : "), }");
  const std::size_t prefix = kMark.size() + 4;
  header.append(kAlignment - 1 - (prefix + header.size()) % kAlignment, ' ');
  header += '\n';
  if (header.size() > 0xFFFF) throw NotSupported("[write_npy] an array of rank ", axes.size(), " is not written.");
  std::string bytes(kMark);
  bytes += {'\x01', '\x00'};
  internal::append<std::uint16_t>(bytes, static_cast<std::uint16_t>(header.size()));
  bytes += header;
  const auto append = [&](auto numbers) {
    bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
  };
  if (is_f32)
    append(array.data<float>());
  else
    append(array.data<double>());
  return bytes;
}

HostArray read_npy(const std::filesystem::path& path) { return parse_npy(read_file(path), path.string()); }

void write_npy(const std::filesystem::path& path, const HostArray& array) { write_atomically(path, to_npy(array)); }

}  // namespace costate

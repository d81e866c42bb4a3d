// Bytes → sound, uncompressed bytes → libmatio's variables → columns. libmatio takes files, so the bytes become one in
// memory.
#include "costate/io/internal/matlab_file.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "costate/base/error.h"
#include "costate/io/internal/bytes.h"
#include "costate/io/internal/gzip.h"
#include "costate/io/internal/numbers.h"
#include "costate/io/internal/shown.h"
#include "costate/io/internal/usual_length.h"

#ifdef COSTATE_HAS_MATIO
#include <matio.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace costate::internal {
namespace {

constexpr std::size_t kHeader = 128;

std::string_view byte_order(std::string_view bytes) { return bytes.substr(kHeader - 2, 2); }

}  // namespace

bool is_matlab_file(std::string_view bytes) {
  if (bytes.size() < kHeader) return bytes.starts_with("MATLAB 5.0");
  const std::string_view version = bytes.substr(kHeader - 4, 2);
  return (byte_order(bytes) == "IM" && version == std::string_view("\0\1", 2)) ||
         (byte_order(bytes) == "MI" && version == std::string_view("\1\0", 2));
}

#ifndef COSTATE_HAS_MATIO

CsvTable read_matlab_file(std::string_view, const std::string& source, const TableLayout&) {
  throw NotSupported("[read_table] '", source,
                     "' is a MATLAB file, and libmatio, which reads them, was missing when this Costate was built; "
                     "build it again after tools/install_deps.sh, or write the table as CSV.");
}

#else

namespace {

[[noreturn]] void reject_damaged(const std::string& source, const std::string& what) {
  throw DataError("[read_table] '", source, "' is not a sound MATLAB file: ", what,
                  ". It may be damaged or cut short.");
}

/// A file that is only in memory.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : descriptor_(::memfd_create("costate", MFD_CLOEXEC)) {
    for (std::size_t written = 0; written < bytes.size();) {
      const ssize_t count = ::write(descriptor_, bytes.data() + written, bytes.size() - written);
      if (count <= 0) {
        ::close(descriptor_);
        throw IoError("[read_table] cannot keep a copy of a MATLAB file in memory; free some and try again.");
      }
      written += static_cast<std::size_t>(count);
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return text::concat("/proc/self/fd/", descriptor_); }

 private:
  int descriptor_;
};

struct FreeMat {
  void operator()(mat_t* file) const { ::Mat_Close(file); }
  void operator()(matvar_t* variable) const { ::Mat_VarFree(variable); }
};
using MatFile = std::unique_ptr<mat_t, FreeMat>;
using Variable = std::unique_ptr<matvar_t, FreeMat>;

/// The parts of a file, each below a tag that says its type and its size in bytes.
class Elements {
 public:
  Elements(std::string_view bytes, bool is_little_endian, const std::string& source)
      : rest_(bytes), is_little_endian_(is_little_endian), source_(source) {}

  struct Element {
    std::uint32_t type = 0;
    std::string_view content;
  };

  bool is_at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  std::uint32_t number(std::string_view bytes) const {
    if (bytes.size() < 4) reject();
    return is_little_endian_ ? load<std::uint32_t>(bytes, 0) : load_big_endian<std::uint32_t>(bytes, 0);
  }
  /// One of those that a file consists of.
  Element next() { return take(number(rest_), 8, number(rest_.substr(std::min<std::size_t>(rest_.size(), 4))), 1); }
  /// One within a matrix: up to four bytes may stand in the tag itself, and others are padded to eight.
  Element next_inner() {
    const std::uint32_t tag = number(rest_);
    if (tag >> 16 == 0) return take(tag, 8, number(rest_.substr(std::min<std::size_t>(rest_.size(), 4))), 8);
    return take(tag & 0xFFFF, 4, std::min<std::uint32_t>(tag >> 16, 4), 8);
  }
  [[noreturn]] void reject() const { reject_damaged(source_, "a variable is not whole"); }

 private:
  Element take(std::uint32_t type, std::size_t tag, std::size_t size, std::size_t unit) {
    const std::size_t whole = (tag + size + unit - 1) / unit * unit;
    if (tag + size > rest_.size()) reject();
    const Element element{type, rest_.substr(tag, size)};
    rest_.remove_prefix(std::min(whole, rest_.size()));
    return element;
  }

  std::string_view rest_;
  bool is_little_endian_;
  const std::string& source_;
};

/// libmatio believes what a matrix says of its size, and would make up numbers that are not there.
void check_matrix(Elements parts) {
  const std::uint32_t kind = parts.number(parts.next_inner().content) & 0xFF;
  if (kind < MAT_C_DOUBLE || kind > MAT_C_UINT64) return;
  std::string_view lengths = parts.next_inner().content;
  std::vector<std::int64_t> axes;
  for (; !lengths.empty(); lengths.remove_prefix(4)) axes.push_back(static_cast<std::int32_t>(parts.number(lengths)));
  parts.next_inner();  // the name
  const Elements::Element numbers = parts.next_inner();
  const std::size_t width = ::Mat_SizeOf(static_cast<matio_types>(numbers.type));
  const std::optional<std::uint64_t> size = checked_size(axes);
  if (!size || width == 0 || numbers.type > MAT_T_UINT64 || *size * width != numbers.content.size()) parts.reject();
}

/// The same file with nothing compressed, whose matrices hold as many numbers as they say.
std::string unpacked(std::string_view bytes, const std::string& source) {
  const bool is_little_endian = byte_order(bytes) == "IM";
  std::string whole(bytes.substr(0, kHeader));
  Elements elements(bytes.substr(kHeader), is_little_endian, source);
  while (!elements.is_at_end()) {
    const std::string_view begin = elements.rest();
    const Elements::Element element = elements.next();
    if (element.type == MAT_T_COMPRESSED)
      whole += gunzip(element.content, source);
    else
      whole += begin.substr(0, begin.size() - elements.rest().size());
  }
  Elements matrices(std::string_view(whole).substr(kHeader), is_little_endian, source);
  while (!matrices.is_at_end()) {
    const Elements::Element element = matrices.next();
    if (element.type == MAT_T_MATRIX && !element.content.empty())
      check_matrix({element.content, is_little_endian, source});
  }
  return whole;
}

bool is_of_numbers(const matvar_t& variable) {
  return variable.class_type >= MAT_C_DOUBLE && variable.class_type <= MAT_C_UINT64;
}

/// Why a variable is no column; "" if it may be one.
std::string reason_against(const matvar_t& variable, const std::string& name) {
  switch (variable.class_type) {
    case MAT_C_CELL:
      return text::concat("is a cell array; save what it holds as a matrix, such as cell2mat(", name, ")");
    case MAT_C_STRUCT:
      return text::concat("is a struct; save its fields as variables: save('FILE', '-struct', '", name, "', '-v7')");
    case MAT_C_CHAR:
      return "is text";
    case MAT_C_SPARSE:
      return text::concat("is a sparse matrix; save full(", name, ")");
    default:
      if (!is_of_numbers(variable)) return "is an object, such as a table; save its columns as numbers";
  }
  if (variable.isComplex != 0) return text::concat("holds complex numbers; save real(", name, ") and imag(", name, ")");
  if (variable.rank != 2) return text::concat("has ", variable.rank, " axes; save it as a matrix, a row a sample");
  return "";
}

template <class T>
std::vector<double> as_doubles(const matvar_t& variable, std::size_t size) {
  const T* data = static_cast<const T*>(variable.data);
  return {data, data + size};
}

std::vector<double> numbers_of(const matvar_t& variable, std::size_t size) {
  switch (variable.class_type) {
    case MAT_C_DOUBLE:
      return as_doubles<double>(variable, size);
    case MAT_C_SINGLE:
      return as_doubles<float>(variable, size);
    case MAT_C_INT8:
      return as_doubles<std::int8_t>(variable, size);
    case MAT_C_UINT8:
      return as_doubles<std::uint8_t>(variable, size);
    case MAT_C_INT16:
      return as_doubles<std::int16_t>(variable, size);
    case MAT_C_UINT16:
      return as_doubles<std::uint16_t>(variable, size);
    case MAT_C_INT32:
      return as_doubles<std::int32_t>(variable, size);
    case MAT_C_UINT32:
      return as_doubles<std::uint32_t>(variable, size);
    case MAT_C_INT64:
      return as_doubles<std::int64_t>(variable, size);
    default:
      return as_doubles<std::uint64_t>(variable, size);
  }
}

/// [rows, columns], column after column as MATLAB has them.
struct Matrix {
  std::string name;
  std::size_t rows = 0, columns = 0;
  std::vector<double> numbers;

  bool is_vector() const { return rows == 1 || columns == 1; }
  std::size_t length() const { return std::max(rows, columns); }
};

Matrix read_matrix(mat_t* file, matvar_t* variable, const std::string& name, const std::string& source) {
  Matrix matrix{.name = name, .rows = variable->dims[0], .columns = variable->dims[1], .numbers = {}};
  const std::size_t size = matrix.rows * matrix.columns;
  if (size == 0) return matrix;
  if (::Mat_VarReadDataAll(file, variable) != 0 || variable->data == nullptr)
    reject_damaged(source, text::concat("'", name, "' cannot be read"));
  matrix.numbers = numbers_of(*variable, size);
  return matrix;
}

/// How many rows columns have: the usual length of vectors; without vectors, the rows of the largest matrix.
std::size_t num_rows_of(const std::vector<Matrix>& matrices) {
  std::vector<std::size_t> lengths;
  for (const Matrix& matrix : matrices)
    if (matrix.is_vector() && matrix.length() > 1) lengths.push_back(matrix.length());
  if (!lengths.empty()) return usual_length(lengths);
  const auto size = [](const Matrix& matrix) { return matrix.numbers.size(); };
  return std::ranges::max_element(matrices, {}, size)->rows;
}

struct Columns {
  std::vector<std::string> names = {};
  std::vector<std::vector<std::string> > cells = {};

  /// A matrix of `length` rows, or as many columns.
  void add(const Matrix& matrix, std::size_t length) {
    const bool is_turned = matrix.rows != length;
    const std::size_t width = is_turned ? matrix.rows : matrix.columns;
    for (std::size_t k = 0; k < width; ++k) {
      names.push_back(width == 1 ? matrix.name : text::concat(matrix.name, k + 1));
      std::vector<std::string>& column = cells.emplace_back();
      for (std::size_t i = 0; i < length; ++i) {
        const double number = matrix.numbers[is_turned ? k + i * matrix.rows : i + k * matrix.rows];
        column.push_back(std::isnan(number) ? "" : format_double(number));
      }
    }
  }
};

}  // namespace

CsvTable read_matlab_file(std::string_view bytes, const std::string& source, const TableLayout& layout) {
  if (bytes.size() < kHeader) reject_damaged(source, "its header is not whole");
  const MemoryFile memory(unpacked(bytes, source));
  const MatFile file(::Mat_Open(memory.path().c_str(), MAT_ACC_RDONLY));
  if (!file) reject_damaged(source, "its header cannot be read");
  std::vector<Matrix> matrices;
  std::map<std::string, std::string> others;
  while (const auto variable = Variable(::Mat_VarReadNextInfo(file.get()))) {
    const std::string name = variable->name == nullptr ? "" : variable->name;
    if (!is_name(name)) reject_damaged(source, text::concat("a variable is called '", shown(name), "'"));
    if (name.empty()) continue;  // what MATLAB keeps about objects
    const std::string reason = reason_against(*variable, name);
    if (reason.empty())
      matrices.push_back(read_matrix(file.get(), variable.get(), name, source));
    else
      others[name] = reason;
  }
  if (matrices.empty())
    throw DataError("[read_table] '", source, "' holds no matrix of numbers",
                    others.empty() ? "" : text::concat(": '", others.begin()->first, "' ", others.begin()->second),
                    ".");
  const std::size_t length = num_rows_of(matrices);
  Columns columns;
  for (const Matrix& matrix : matrices)
    if (length > 0 && (matrix.rows == length || matrix.columns == length))
      columns.add(matrix, length);
    else
      others[matrix.name] = text::concat("is ", matrix.rows, " x ", matrix.columns, ", where columns have ", length,
                                         " rows; save what belongs together in a file of its own");
  return {std::move(columns.names), std::move(columns.cells), source, layout, std::move(others)};
}

#endif

}  // namespace costate::internal

// First bytes → format → table.
#include "costate/io/table.h"

#include <cmath>
#include <map>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/attribute_files.h"
#include "costate/io/internal/gzip.h"
#include "costate/io/internal/matlab_file.h"
#include "costate/io/internal/npy_layout.h"
#include "costate/io/internal/npz_content.h"
#include "costate/io/internal/numbers.h"
#include "costate/io/internal/usual_length.h"
#include "costate/io/npy.h"

namespace costate {
namespace {

constexpr std::string_view kZip = "PK\x03\x04";

/// A format that others read, by what it starts with. `load` is Python, with NAME for the file's name.
struct Foreign {
  std::string_view mark;
  const char* what;
  const char* load;  // what gives a pandas DataFrame; "" if there is no such line
};
constexpr Foreign kForeign[] = {
    {"PAR1", "a Parquet file", "pandas.read_parquet('NAME')"},
    {"ARROW1", "an Arrow file", "pandas.read_feather('NAME')"},
    {"FEA1", "a Feather file", "pandas.read_feather('NAME')"},
    {"\xD0\xCF\x11\xE0", "an old Excel workbook", "pandas.read_excel('NAME')"},
    {"\x89HDF", "an HDF5 file", "pandas.DataFrame(h5py.File('NAME')['DATASET'][:])"},
    {"MATLAB 7.3", "an HDF5 file of MATLAB (save it with '-v7', which is read)",
     "pandas.DataFrame(h5py.File('NAME')['VARIABLE'][:].T)"},
    {"CDF\x01", "a NetCDF file", "xarray.open_dataset('NAME').to_dataframe().reset_index()"},
    {"CDF\x02", "a NetCDF file", "xarray.open_dataset('NAME').to_dataframe().reset_index()"},
    {"RDX", "an R workspace", ""},
    {"X\n", "an R object", ""},
    {"SQLite format 3", "an SQLite database", ""},
    {"\x80", "a Python pickle", "pandas.read_pickle('NAME')"},
    {"BZh", "compressed by bzip2", "pandas.read_csv('NAME')"},
    {"\xFD"
     "7zXZ",
     "compressed by xz", "pandas.read_csv('NAME')"},
    {"\x28\xB5\x2F\xFD", "compressed by zstd", ""},
    {"%PDF", "a PDF document", ""},
    {"<!DOCTYPE", "a web page: the download may have failed", ""},
    {"<html", "a web page: the download may have failed", ""},
    {"<?xml", "an XML document", ""},
    {"{\\rtf", "a text document with formatting", ""},
};

/// The first two characters of JSON that are no blanks: an object or a list begins, and something in it.
std::string json_mark(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return "";
  const std::size_t second = text.find_first_not_of(kBlanks, first + 1);
  if (second == std::string_view::npos) return "";
  const std::string mark = {text[first], text[second]};
  return mark == "{\"" || mark == "{}" || mark == "[{" || mark == "[[" || mark == "[\"" || mark == "[]" ? mark : "";
}

[[noreturn]] void reject_table(const std::string& source, const std::string& what, std::string load) {
  const std::string name = source.substr(source.find_last_of('/') + 1);
  std::string advice = "export the table as CSV";
  if (!load.empty()) {
    load.replace(load.find("NAME"), 4, name);
    const std::string imports = load.starts_with("xarray")                ? "xarray"
                                : load.find("h5py.") != std::string::npos ? "pandas, h5py"
                                                                          : "pandas";
    advice += text::concat(", for example by python -c \"import ", imports, "; ", load, ".to_csv('", name,
                           ".csv', index=False)\"");
  }
  throw NotSupported("[read_table] '", source, "' is ", what, ", which is not read; ", advice, ".");
}

std::string cell_of(double number) { return std::isnan(number) ? "" : internal::format_double(number); }

/// Why an array is no column, or columns; "" if it may be.
std::string reason_against(const HostArray& array) {
  const std::size_t rank = array.shape().axes().size();
  if (rank == 1 || rank == 2) return "";
  return text::concat("has ", rank, rank == 1 ? " axis" : " axes", "; expected one or two, a row a sample");
}

/// The columns of an array with one or two axes.
std::vector<std::vector<std::string>> columns_of(const HostArray& array) {
  const std::int64_t rows = array.shape()[0], width = array.shape().rank() == 1 ? 1 : array.shape()[1];
  std::vector<std::vector<std::string>> columns(static_cast<std::size_t>(width));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t k = 0; k < width; ++k)
      columns[static_cast<std::size_t>(k)].push_back(cell_of(array.at(i * width + k)));
  return columns;
}

CsvTable table_of(const HostArray& array, const std::string& source, const TableLayout& layout) {
  if (const std::string reason = reason_against(array); !reason.empty())
    throw DataError("[read_table] the array of '", source, "' ", reason, ".");
  return {{}, columns_of(array), source, layout};
}

CsvTable table_of(internal::NpzContent content, const std::string& source, const TableLayout& layout) {
  std::map<std::string, std::string>& others = content.others;
  for (const auto& [name, array] : content.arrays)
    if (std::string reason = reason_against(array); !reason.empty()) others[name] = std::move(reason);
  std::erase_if(content.arrays, [&](const auto& entry) { return others.contains(entry.first); });
  if (content.arrays.empty())
    throw DataError("[read_table] '", source, "' holds no array of numbers with a row a sample",
                    others.empty() ? "" : text::concat(": '", others.begin()->first, "' ", others.begin()->second),
                    ".");
  std::vector<std::size_t> lengths;
  for (const auto& [name, array] : content.arrays) lengths.push_back(static_cast<std::size_t>(array.shape()[0]));
  const auto rows = static_cast<std::int64_t>(internal::usual_length(lengths));
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> columns;
  for (const auto& [name, array] : content.arrays) {
    if (array.shape()[0] != rows) {
      others[name] = text::concat("has ", array.shape()[0], " rows, where columns have ", rows,
                                  "; save what belongs together in a file of its own");
      continue;
    }
    std::vector<std::vector<std::string>> more = columns_of(array);
    for (std::size_t k = 0; k < more.size(); ++k) {
      names.push_back(more.size() == 1 ? name : text::concat(name, k + 1));
      columns.push_back(std::move(more[k]));
    }
  }
  return {std::move(names), std::move(columns), source, layout, std::move(others)};
}

}  // namespace

CsvTable parse_table(std::string_view bytes, const std::string& source, const TableLayout& layout) {
  if (internal::is_gzip(bytes)) return parse_table(internal::gunzip(bytes, source), source, layout);
  if (internal::is_npy(bytes)) return table_of(parse_npy(bytes, source), source, layout);
  if (bytes.starts_with(kZip)) {
    if (bytes.find("xl/workbook") != std::string_view::npos)
      reject_table(source, "an Excel workbook", "pandas.read_excel('NAME')");
    if (bytes.find(".npy") == std::string_view::npos) reject_table(source, "a ZIP archive", "");
    return table_of(internal::read_npz_content(bytes, source), source, layout);
  }
  for (const Foreign& format : kForeign)
    if (bytes.starts_with(format.mark)) reject_table(source, format.what, format.load);
  if (const std::string mark = json_mark(bytes); !mark.empty())
    reject_table(source, "JSON", mark == "[{" ? "pandas.read_json('NAME')" : "");
  if (internal::is_matlab_file(bytes)) return internal::read_matlab_file(bytes, source, layout);
  if (internal::is_attribute_file(bytes)) return internal::read_attribute_file(bytes, source, layout);
  return {bytes, source, layout};
}

CsvTable read_table(const std::filesystem::path& path, const TableLayout& layout) {
  return parse_table(read_file(path), path.string(), layout);
}

}  // namespace costate

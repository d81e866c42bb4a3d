// First bytes → format → table.
#include "costate/io/table.h"

#include <cmath>
#include <map>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/attribute_files.h"
#include "costate/io/internal/gzip.h"
#include "costate/io/internal/matlab_file.h"
#include "costate/io/internal/numbers.h"
#include "costate/io/npy.h"

namespace costate {
namespace {

constexpr std::string_view kGzip = "\x1F\x8B", kNpy = "\x93NUMPY", kZip = "PK\x03\x04";

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
    {"[{", "JSON", "pandas.read_json('NAME')"},
    {"{\"", "JSON", ""},
    {"{\n", "JSON", ""},
    {"{\\rtf", "a text document with formatting", ""},
};

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

/// The columns of an array with one or two axes.
std::vector<std::vector<std::string>> columns_of(const HostArray& array, const std::string& source) {
  const std::size_t rank = array.shape().axes().size();
  if (rank != 1 && rank != 2)
    throw DataError("[read_table] '", source, "' holds an array of shape ", array.shape(),
                    "; expected one or two axes, a row a sample.");
  const std::int64_t rows = array.shape()[0], width = rank == 1 ? 1 : array.shape()[1];
  std::vector<std::vector<std::string>> columns(static_cast<std::size_t>(width));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t k = 0; k < width; ++k)
      columns[static_cast<std::size_t>(k)].push_back(cell_of(array.at(i * width + k)));
  return columns;
}

CsvTable table_of(const std::map<std::string, HostArray>& arrays, const std::string& source,
                  const TableLayout& layout) {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> columns;
  for (const auto& [name, array] : arrays) {
    std::vector<std::vector<std::string>> more = columns_of(array, source);
    for (std::size_t k = 0; k < more.size(); ++k) {
      names.push_back(more.size() == 1 ? name : text::concat(name, k + 1));
      columns.push_back(std::move(more[k]));
      if (columns.back().size() != columns.front().size())
        throw DataError("[read_table] '", source, "': '", names.back(), "' has ", columns.back().size(), " rows, but '",
                        names.front(), "' has ", columns.front().size(), ". Give arrays of as many rows.");
    }
  }
  return {std::move(names), std::move(columns), source, layout};
}

}  // namespace

CsvTable parse_table(std::string_view bytes, const std::string& source, const TableLayout& layout) {
  if (bytes.starts_with(kGzip)) return parse_table(internal::gunzip(bytes, source), source, layout);
  if (bytes.starts_with(kNpy)) return {{}, columns_of(parse_npy(bytes, source), source), source, layout};
  if (bytes.starts_with(kZip)) {
    if (bytes.find("xl/workbook") != std::string_view::npos)
      reject_table(source, "an Excel workbook", "pandas.read_excel('NAME')");
    if (bytes.find(".npy") == std::string_view::npos) reject_table(source, "a ZIP archive", "");
    return table_of(parse_npz(bytes, source), source, layout);
  }
  for (const Foreign& format : kForeign)
    if (bytes.starts_with(format.mark)) reject_table(source, format.what, format.load);
  if (internal::is_matlab_file(bytes)) return internal::read_matlab_file(bytes, source, layout);
  if (internal::is_attribute_file(bytes)) return internal::read_attribute_file(bytes, source, layout);
  return {bytes, source, layout};
}

CsvTable read_table(const std::filesystem::path& path, const TableLayout& layout) {
  return parse_table(read_file(path), path.string(), layout);
}

}  // namespace costate

#include "costate/io/table.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>

#include "costate/io/npy.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

using Words = std::vector<std::string>;
using Numbers = std::vector<double>;

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

const HostArray kTable(Shape{2, 3}, Numbers{0, 0.1, NAN, 1, 1e-300, 4});

TEST(Table, TextMayBeGzipped) {
  EXPECT_EQ(parse_table(gzip("t,x\n0,1\n1,2\n"), "a.csv.gz").numbers("x"), (Numbers{1, 2}));
  EXPECT_ERROR(parse_table(gzip("t,x\n0,1\n1,2\n").substr(0, 20), "a.csv.gz"), DataError, "a.csv.gz");
}

TEST(Table, ColumnsOfAnArrayHaveNumbersOrTheNamesGiven) {
  const CsvTable read = parse_table(to_npy(kTable), "a.npy");
  EXPECT_FALSE(read.has_header());
  EXPECT_EQ(read.numbers("2"), (Numbers{0.1, 1e-300}));
  EXPECT_TRUE(std::isnan(read.numbers("3")[0]));
  EXPECT_EQ(parse_table(to_npy(kTable), "a.npy", {.names = {"t", "x", "y"}}).numbers("t"), (Numbers{0, 1}));
  EXPECT_EQ(parse_table(to_npy(HostArray::vector({3, 4})), "a.npy").numbers("1"), (Numbers{3, 4}));
  EXPECT_ERROR(parse_table(to_npy(kTable), "a.npy", {.names = {"t"}}), InvalidArgument, "all 3 columns; got 1 names");
  EXPECT_ERROR(parse_table(to_npy(HostArray(Shape{2, 1, 1})), "a.npy"), DataError, "expected one or two axes");
  EXPECT_ERROR(parse_table(to_npy(HostArray(Shape{0, 1})), "a.npy"), DataError, "has no rows");
}

TEST(Table, ArraysOfAnArchiveAreColumns) {
  const CsvTable read = parse_table(to_npz({{"t", HostArray::vector({0, 1})}, {"x", kTable}}), "a.npz");
  EXPECT_EQ(read.names(), (Words{"t", "x1", "x2", "x3"}));
  EXPECT_EQ(read.numbers("x1"), (Numbers{0, 1}));
  EXPECT_ERROR(parse_table(to_npz({{"t", HostArray::vector({0})}, {"x", kTable}}), "a.npz"), DataError,
               "'x1' has 2 rows, but 't' has 1");
}

TEST(Table, FormatsThatAreNotReadAreNamed) {
  EXPECT_ERROR(
      parse_table("PAR1....", "data/a.parquet"), NotSupported,
      "'data/a.parquet' is a Parquet file, which is not read; export the table as CSV, for example by python -c "
      "\"import pandas; pandas.read_parquet('a.parquet').to_csv('a.parquet.csv', index=False)\".");
  EXPECT_ERROR(parse_table("PK\x03\x04 xl/workbook.xml", "a.xlsx"), NotSupported, "an Excel workbook");
  EXPECT_ERROR(parse_table("PK\x03\x04 a.csv", "a.zip"), NotSupported, "a ZIP archive");
  EXPECT_ERROR(parse_table("MATLAB 5.0 MAT-file", "a.mat"), NotSupported,
               "import pandas, scipy.io; pandas.DataFrame(scipy");
  EXPECT_ERROR(parse_table("\x89HDF\r\n", "a.h5"), NotSupported, "an HDF5 file");
  EXPECT_ERROR(parse_table("<!DOCTYPE html>", "a.csv"), NotSupported, "a web page: the download may have failed");
  EXPECT_ERROR(parse_table("%PDF-1.4", "a.pdf"), NotSupported, "a PDF document");
}

}  // namespace
}  // namespace costate

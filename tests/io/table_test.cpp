#include "costate/io/table.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>

#include "costate/io/internal/zip_archive.h"
#include "costate/io/npy.h"
#include "tests/io/garbage.h"
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
  EXPECT_ERROR(parse_table(to_npy(HostArray(Shape{2, 1, 1})), "a.npy"), DataError,
               "the array of 'a.npy' has 3 axes; expected one or two, a row a sample");
  EXPECT_ERROR(parse_table(to_npy(HostArray(Shape{0, 1})), "a.npy"), DataError, "has no rows");
}

TEST(Table, ArraysOfAnArchiveAreColumns) {
  const CsvTable read = parse_table(to_npz({{"t", HostArray::vector({0, 1})}, {"x", kTable}}), "a.npz");
  EXPECT_EQ(read.names(), (Words{"t", "x1", "x2", "x3"}));
  EXPECT_EQ(read.numbers("x1"), (Numbers{0, 1}));
}

/// An array of '<U3', a text, as numpy.save writes it.
std::string npy_of_text() {
  std::string header = "{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }";
  header.append(117 - header.size(), ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n" + std::string(12, 'a');
}

TEST(Table, ArraysOfAnArchiveThatAreNoColumnsAreSaidToBeNone) {
  const std::vector<internal::ZippedFile> files = {
      {"t.npy", to_npy(HostArray::vector({0, 1}))},          {"x.npy", to_npy(kTable)},
      {"scale.npy", to_npy(HostArray(Shape{}, Numbers{2}))}, {"cube.npy", to_npy(HostArray(Shape{2, 1, 1}))},
      {"long.npy", to_npy(HostArray::vector({0, 1, 2}))},    {"unit.npy", npy_of_text()}};
  const CsvTable read = parse_table(internal::zip_archive(files, internal::ZipMethod::kStored), "a.npz");
  EXPECT_EQ(read.names(), (Words{"t", "x1", "x2", "x3"}));
  EXPECT_EQ(read.numbers("x1"), (Numbers{0, 1}));
  ASSERT_EQ(read.not_columns().size(), 4u);
  EXPECT_EQ(read.not_columns().at("scale"), "has 0 axes; expected one or two, a row a sample");
  EXPECT_EQ(read.not_columns().at("cube"), "has 3 axes; expected one or two, a row a sample");
  EXPECT_EQ(read.not_columns().at("long"),
            "has 3 rows, where columns have 2; save what belongs together in a file of its own");
  EXPECT_TRUE(read.not_columns().at("unit").starts_with("holds elements of type '<U3'; only floats"));
  EXPECT_ERROR(read.text("unit"), DataError, "'unit' is no column: it holds elements of type '<U3'");
  EXPECT_ERROR(parse_table(to_npz({{"scale", HostArray(Shape{}, Numbers{2})}}), "a.npz"), DataError,
               "'a.npz' holds no array of numbers with a row a sample: 'scale' has 0 axes");
}

TEST(Table, JsonIsRefusedByNameHoweverItIsIndented) {
  for (const char* text :
       {"{\"t\": [0, 1]}", "{\r\n  \"t\": 0}", " { \"t\": 0 }", "[\n  {\"t\": 0}\n]", "[[0, 1], [1, 2]]"})
    EXPECT_ERROR(parse_table(text, "a.json"), NotSupported, "'a.json' is JSON, which is not read; export the table");
  EXPECT_EQ(parse_table("[t],x\n0,1\n1,2\n", "a.csv").numbers("x"), (Numbers{1, 2}));
}

TEST(Table, AttributesThatAreNoColumnsAreNamed) {
  EXPECT_ERROR(
      parse_table("@relation r\n@attribute bag relational\n@attribute a numeric\n@end bag\n@data\n'0\\n1'\n", "a.arff"),
      NotSupported, "'a.arff', line 2: relational attributes are not read; take the same series as .ts");
  EXPECT_ERROR(parse_table("@relation r\n@attribute a numeric\n@attribute b numeric\n@data\n1,2,3\n", "a.arff"),
               DataError, "a.arff, line 5: the header has 2 attributes, but the row 3 cells");
}

TEST(Table, SeriesBelowAttributes) {
  const CsvTable ts = parse_table(
      "# made\n@problemName A\n@timeStamps false\n@univariate false\n@classLabel true a "
      "b\n@data\n1,2,3:4,5,?:a\n6,7:8,9:b\n",
      "a.ts");
  EXPECT_EQ(ts.names(), (Words{"trajectory", "time", "x1", "x2", "label"}));
  EXPECT_EQ(ts.numbers("x1"), (Numbers{1, 2, 3, 6, 7}));
  EXPECT_TRUE(std::isnan(ts.numbers("x2")[2]));
  EXPECT_EQ(ts.text("trajectory"), (Words{"1", "1", "1", "2", "2"}));
  EXPECT_EQ(ts.numbers("time"), (Numbers{0, 1, 2, 0, 1}));
  EXPECT_EQ(ts.text("label"), (Words{"a", "a", "a", "b", "b"}));
  const CsvTable tsf = parse_table(
      "@relation x\r\n@attribute series_name string\r\n@attribute start_timestamp date\r\n@frequency "
      "hourly\r\n@data\r\n"
      "T1:1979-01-01 00-00-00:1,2\r\nT2:1980-01-01 00-00-00:3,4\r\n",
      "a.tsf");
  EXPECT_EQ(tsf.names(), (Words{"series_name", "start_timestamp", "time", "value"}));
  EXPECT_EQ(tsf.numbers("value"), (Numbers{1, 2, 3, 4}));
  const CsvTable arff =
      parse_table("% made\n@RELATION x\n@ATTRIBUTE 'the time' NUMERIC\n@attribute x real\n@DATA\n0,1\n1,?\n", "a.arff");
  EXPECT_EQ(arff.numbers("the time"), (Numbers{0, 1}));
  EXPECT_EQ(arff.line(0), 6u);
  EXPECT_ERROR(parse_table("@relation x\n", "a.tsf"), DataError, "has a header of @ lines but no @data");
  EXPECT_ERROR(parse_table("@problemName A\n@data\n1,2:3,4\n1,2\n", "a.ts"), DataError,
               "a.ts, line 4: expected 2 parts");
  EXPECT_ERROR(parse_table("@problemName A\n@data\n1,2:1\n", "a.ts"), DataError,
               "line 3: the dimensions differ in length");
  EXPECT_ERROR(parse_table("@problemName A\n@timeStamps true\n@data\n(0,1)\n", "a.ts"), NotSupported, "time stamps");
  EXPECT_ERROR(parse_table("@problemName A\n@data\n", "a.ts"), DataError, "has no rows");
}

TEST(Table, GarbageIsAlwaysATypedError) {
  const auto read = [](std::string_view bytes) { parse_table(bytes, "data"); };
  test::expect_garbage_safe(read, "@problemName A\n@univariate true\n@classLabel true a\n@data\n1,2,3:a\n");
  test::expect_garbage_safe(read, "@relation A\n@attribute 'n' string\n@frequency daily\n@data\nT:1,2\n");
  test::expect_garbage_safe(read, gzip("t,x\n0,1\n"));
  test::expect_garbage_safe(read, to_npz({{"t", HostArray::vector({0, 1})}}));
}

TEST(Table, FormatsThatAreNotReadAreNamed) {
  EXPECT_ERROR(
      parse_table("PAR1....", "data/a.parquet"), NotSupported,
      "'data/a.parquet' is a Parquet file, which is not read; export the table as CSV, for example by python -c "
      "\"import pandas; pandas.read_parquet('a.parquet').to_csv('a.parquet.csv', index=False)\".");
  EXPECT_ERROR(parse_table("PK\x03\x04 xl/workbook.xml", "a.xlsx"), NotSupported, "an Excel workbook");
  EXPECT_ERROR(parse_table("PK\x03\x04 a.csv", "a.zip"), NotSupported, "a ZIP archive");
  EXPECT_ERROR(parse_table("MATLAB 7.3 MAT-file", "a.mat"), NotSupported,
               "an HDF5 file of MATLAB (save it with '-v7', which is read), which is not read");
  EXPECT_ERROR(parse_table("\x89HDF\r\n", "a.h5"), NotSupported, "an HDF5 file");
  EXPECT_ERROR(parse_table("<!DOCTYPE html>", "a.csv"), NotSupported, "a web page: the download may have failed");
  EXPECT_ERROR(parse_table("[{\"t\": 0}]", "a.json"), NotSupported, "'a.json' is JSON, which is not read;");
  EXPECT_ERROR(parse_table("%PDF-1.4", "a.pdf"), NotSupported, "a PDF document");
}

}  // namespace
}  // namespace costate

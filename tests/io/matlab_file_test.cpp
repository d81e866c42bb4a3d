// MATLAB's files, of which some claim more than they hold. tests/cli/test_tables.py reads those that SciPy writes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "costate/io/table.h"
#include "tests/io/garbage.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

using Words = std::vector<std::string>;
using Numbers = std::vector<double>;

template <class T>
std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string element(std::uint32_t type, std::string content) {
  const auto size = static_cast<std::uint32_t>(content.size());
  content.resize((content.size() + 7) / 8 * 8);
  return bytes_of(type) + bytes_of(size) + content;
}

constexpr std::uint32_t kInt8 = 1, kInt32 = 5, kUint32 = 6, kDouble = 9, kMatrix = 14;
constexpr std::uint32_t kCell = 1, kStruct = 2, kChar = 4, kSparse = 5, kDoubles = 6, kObject = 17, kComplex = 0x800;

struct Size {
  std::int32_t rows = 0, columns = 0;
};

std::string variable(std::uint32_t kind, const std::string& name, Size size, const std::string& data) {
  return element(kMatrix, element(kUint32, bytes_of(kind) + bytes_of(0)) +
                              element(kInt32, bytes_of(size.rows) + bytes_of(size.columns)) + element(kInt8, name) +
                              data);
}

std::string doubles(const Numbers& numbers) {
  std::string data;
  for (const double number : numbers) data += bytes_of(number);
  return element(kDouble, data);
}

std::string matrix(const std::string& name, Size size, const Numbers& numbers) {
  return variable(kDoubles, name, size, doubles(numbers));
}

std::string file(const std::string& variables) {
  std::string header = "MATLAB 5.0 MAT-file";
  header.resize(124, ' ');
  return header + std::string("\0\1IM", 4) + variables;
}

const std::string kTimes = matrix("t", {3, 1}, {0, 0.1, 1e-300});

class MatlabFile : public testing::Test {
 protected:
  void SetUp() override {
    try {
      parse_table(file(kTimes), "a.mat");
    } catch (const NotSupported& error) {  // built without libmatio
      EXPECT_NE(std::string(error.what()).find("'a.mat' is a MATLAB file, and libmatio"), std::string::npos);
      GTEST_SKIP() << error.what();
    }
  }
};

TEST_F(MatlabFile, VectorsAndColumnsOfMatricesAreColumns) {
  const CsvTable read =
      parse_table(file(kTimes + matrix("x", {3, 2}, {1, 2, NAN, 4, 5, 6}) + matrix("u", {1, 3}, {7, 8, 9})), "a.mat");
  EXPECT_EQ(read.names(), (Words{"t", "x1", "x2", "u"}));
  EXPECT_EQ(read.numbers("t"), (Numbers{0, 0.1, 1e-300}));
  EXPECT_EQ(read.numbers("x2"), (Numbers{4, 5, 6}));
  EXPECT_EQ(read.text("x1"), (Words{"1", "2", ""}));
  EXPECT_EQ(read.numbers("u"), (Numbers{7, 8, 9}));
  EXPECT_EQ(parse_table(file(kTimes), "a.mat", {.names = {"hours"}}).numbers("hours").size(), 3u);
}

TEST_F(MatlabFile, AMatrixWithSamplesInItsColumnsIsTurned) {
  const CsvTable read =
      parse_table(file(matrix("t", {1, 3}, {0, 1, 2}) + matrix("x", {2, 3}, {1, 4, 2, 5, 3, 6})), "a");
  EXPECT_EQ(read.numbers("x1"), (Numbers{1, 2, 3}));
  EXPECT_EQ(read.numbers("x2"), (Numbers{4, 5, 6}));
  EXPECT_EQ(parse_table(file(matrix("x", {2, 2}, {1, 4, 2, 5})), "a").numbers("x1"), (Numbers{1, 4}));
}

TEST_F(MatlabFile, RowsAreThoseOfMostVectorsAndOfTheLongestOfThese) {
  const std::string two = matrix("a", {2, 1}, {1, 2}), three = matrix("b", {3, 1}, {1, 2, 3});
  const std::string four = matrix("c", {4, 1}, {1, 2, 3, 4}), short_one = matrix("d", {2, 1}, {1, 2});
  EXPECT_EQ(parse_table(file(three + two), "a.mat").names(), (Words{"b"}));
  EXPECT_EQ(parse_table(file(two + four + three), "a.mat").names(), (Words{"c"}));
  EXPECT_EQ(parse_table(file(four + two + three + short_one), "a.mat").names(), (Words{"a", "d"}));
}

TEST_F(MatlabFile, WhatIsNoColumnIsNamedWithTheReason) {
  const std::string nothing = doubles({});
  const CsvTable read =
      parse_table(file(kTimes + matrix("Ts", {1, 1}, {4}) +
                       variable(kDoubles | kComplex, "z", {3, 1}, doubles({1, 2, 3}) + doubles({1, 2, 3})) +
                       variable(kChar, "note", {1, 2}, element(4, "a b ")) + variable(kCell, "c", {0, 0}, "") +
                       matrix("short", {2, 1}, {1, 2})),
                  "a.mat");
  EXPECT_EQ(read.names(), (Words{"t"}));
  EXPECT_ERROR(read.numbers("z"), DataError,
               "[read_table] a.mat: 'z' is no column: it holds complex numbers; save real(z) and imag(z).");
  EXPECT_ERROR(read.numbers("c"), DataError, "it is a cell array; save what it holds as a matrix, such as cell2mat(c)");
  EXPECT_ERROR(read.numbers("note"), DataError, "it is text.");
  EXPECT_ERROR(read.numbers("Ts"), DataError, "it is 1 x 1, where columns have 3 rows;");
  EXPECT_ERROR(read.numbers("short"), DataError, "it is 2 x 1, where columns have 3 rows;");
  EXPECT_ERROR(read.numbers("y"), DataError, "unknown column 'y'");
  EXPECT_ERROR(parse_table(file(variable(kCell, "c", {0, 0}, "")), "a.mat"), DataError,
               "holds no matrix of numbers: 'c' is a cell array");
  EXPECT_ERROR(parse_table(file(""), "a.mat"), DataError, "holds no matrix of numbers.");
  EXPECT_ERROR(parse_table(file(matrix("t", {0, 0}, {})), "a.mat"), DataError, "has no rows");
}

TEST_F(MatlabFile, ClaimsOfSizeAreNotBelieved) {
  constexpr std::int32_t kHuge = 2'000'000'000;
  for (const Size size : {Size{kHuge, kHuge}, Size{kHuge, 1}, Size{-1, 1}, Size{30, 1}, Size{1, 1}})
    EXPECT_ERROR(parse_table(file(matrix("x", size, {1, 2})), "a.mat"), DataError,
                 "'a.mat' is not a sound MATLAB file: a variable is not whole.");
  EXPECT_EQ(parse_table(file(matrix("x", {2, 1}, {1, 2})), "a.mat").numbers("x"), (Numbers{1, 2}));
}

TEST_F(MatlabFile, GarbageIsAlwaysATypedError) {
  const auto read = [](std::string_view bytes) { parse_table(bytes, "data"); };
  const std::string sound = file(kTimes + matrix("x", {1, 3}, {1, 2, 3}));
  test::expect_truncation_is_an_error(read, file(kTimes));
  test::expect_garbage_safe(read, sound);
  test::expect_random_bytes_safe(read, sound);
}

}  // namespace
}  // namespace costate

#include "costate/io/csv.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>

#include "tests/io/csv_tables.h"
#include "tests/io/garbage.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

using Words = std::vector<std::string>;
using Numbers = std::vector<double>;

TEST(Csv, ReadsCommasSemicolonsAndTabs) {
  for (const std::string text : {"t,x\n0,1.5\n1,-2e3\n", "t;x\n0;1.5\n1;-2e3\n", "t\tx\n0\t1.5\n1\t-2e3\n"}) {
    const CsvTable read = table(text);
    EXPECT_EQ(read.names(), (Words{"t", "x"})) << text;
    EXPECT_EQ(read.numbers("t"), (Numbers{0, 1})) << text;
    EXPECT_EQ(read.numbers("x"), (Numbers{1.5, -2000})) << text;
  }
}

TEST(Csv, SkipsCommentsBlankLinesAndTheByteOrderMark) {
  const CsvTable read = table("\xEF\xBB\xBF# made by hand\r\n\r\nt,x\r\n# in between\r\n0,1\r\n  \r\n1,2");
  EXPECT_EQ(read.names(), (Words{"t", "x"}));
  EXPECT_EQ(read.numbers("x"), (Numbers{1, 2}));
  EXPECT_EQ(read.line(0), 5u);
  EXPECT_EQ(read.line(1), 7u);
}

TEST(Csv, ACommentAboveNumbersIsTheHeader) {
  const CsvTable read = table("# made by mumax\n# t (s)\tmx ()\n1e-9\t0.5\n2e-9\t0.25\n");
  EXPECT_EQ(read.names(), (Words{"t (s)", "mx ()"}));
  EXPECT_EQ(read.numbers("mx ()"), (Numbers{0.5, 0.25}));
  EXPECT_EQ(read.line(0), 3u);
  // Numbers in order can be names, too.
  EXPECT_EQ(table("# a remark\n0,1,2\n5,6,7\n").names(), (Words{"0", "1", "2"}));
}

TEST(Csv, UnquotesCells) {
  const CsvTable read =
      table("\"name, first\" ,note\n\"O\"\"Hara\", two words \n\"line\nbreak\",x\n\"\",\"# no comment\"\n");
  EXPECT_EQ(read.names(), (Words{"name, first", "note"}));
  EXPECT_EQ(read.text("name, first"), (Words{"O\"Hara", "line\nbreak", ""}));
  EXPECT_EQ(read.text("note"), (Words{"two words", "x", "# no comment"}));
  EXPECT_EQ(read.line(2), 5u);
}

TEST(Csv, MissingCellsAreNan) {
  const Numbers values = table("a,b\n,1\nNA,1\nnan,1\nNaN,1\n+3,1\n").numbers("a");
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(std::isnan(values[i])) << i;
  EXPECT_EQ(values[4], 3);
}

TEST(Csv, TinyNumbersAreZeroOrSubnormal) { EXPECT_EQ(table("a\n1e-400\n5e-324\n").numbers("a"), (Numbers{0, 5e-324})); }

TEST(Csv, ErrorsNameFileLineColumnAndCell) {
  EXPECT_ERROR(table(""), DataError, "'data.csv' is empty");
  EXPECT_ERROR(table("# only a comment\n\n"), DataError, "is empty");
  EXPECT_ERROR(table("t,x\n"), DataError, "has a header (t, x) but no rows");
  EXPECT_ERROR(table("t,x\n0,1\n1\n"), DataError, "data.csv, line 3: expected 2 cells as in the header; got 1");
  EXPECT_ERROR(table("t,x\n0,1,2\n"), DataError, "line 2: expected 2 cells as in the header; got 3");
  EXPECT_ERROR(table("t,x\n0,\"1\n"), DataError, "line 2: a quoted cell is not closed");
  EXPECT_ERROR(table("t,x\n0,\"1\"2\n"), DataError,
               "line 2: expected a delimiter after the quoted cell \"1\"; got '2'");
  EXPECT_ERROR(table(std::string("t,x\n0,\0\n", 8)), DataError, "is not a text file");
  EXPECT_ERROR(table("\xFF\xFEt"), DataError, "is UTF-16");
  const CsvTable read = table("t,hare,b\n0,many,inf\n1,2,\"1,5\"\n");
  EXPECT_ERROR(read.numbers("hair"), DataError, "unknown column 'hair'; did you mean 'hare'? known: t, hare, b");
  EXPECT_ERROR(read.numbers("hare"), DataError, "data.csv, line 2, column 'hare': expected a number; got 'many'");
  EXPECT_ERROR(read.numbers("b"), DataError, "line 2, column 'b': expected a finite number; got 'inf'");
  EXPECT_ERROR(table("a,b\n\"1,500\",2\n").numbers("a"), DataError, "decimal point");
  EXPECT_ERROR(table("a\n1e999\n").numbers("a"), DataError, "expected a finite number; got '1e999'");
  EXPECT_ERROR(table("a\n1.5x\n").numbers("a"), DataError, "got '1.5x'");
  EXPECT_ERROR(read_csv("absent.csv"), IoError, "absent.csv");
}

TEST(CsvTimes, NumbersHaveNoScale) {
  const TimeColumn times = table("t\n1900\n1900.5\n").times("t");
  EXPECT_EQ(times.values, (Numbers{1900, 1900.5}));
  EXPECT_EQ(times.scale, TimeScale{});
}

TEST(CsvTimes, DatesBecomeDays) {
  const TimeColumn times = table("t\n2024-02-28\n2024-03-01\n2025-02-28\n").times("t");
  EXPECT_EQ(times.values, (Numbers{0, 2, 366}));  // 2024 is a leap year
  EXPECT_EQ(times.scale, (TimeScale{"days", "2024-02-28", "%F"}));
  EXPECT_EQ(table("t\n1999-12\n2000-01\n").times("t").values, (Numbers{0, 31}));
}

TEST(CsvTimes, DateTimesBecomeSeconds) {
  const TimeColumn times = table(
                               "t\n2024-05-01T23:59:59.5Z\n2024-05-02\n2024-05-02 "
                               "00:00:01\n2024-05-02T02:00:02+02:00\n2024-05-01T19:30:03-0430\n")
                               .times("t");
  EXPECT_EQ(times.values, (Numbers{0, 0.5, 1.5, 2.5, 3.5}));
  EXPECT_EQ(times.scale, (TimeScale{"seconds", "2024-05-01T23:59:59.5Z", "%FT%TZ"}));
}

TEST(CsvTimes, EveryFormOfATimeIsRead) {
  for (const std::string zone : {"", "Z", "z", "+00", "-0000", "+00:00"})
    for (const std::string time : {"T23:59", "t23:59", " 23:59", "T23:59:00", " 23:59:00.000"}) {
      const TimeColumn times = table("t\n2024-02-29" + time + zone + "\n2024-03-01T00:00\n").times("t");
      EXPECT_EQ(times.values, (Numbers{0, 60})) << time << zone;
      EXPECT_EQ(times.scale.origin, "2024-02-29T23:59:00Z") << time << zone;
    }
  // More digits than a clock's ticks have, up to the day before.
  EXPECT_EQ(table("t\n2024-01-01T00:00:00.0000000001+14:00\n").times("t", {"seconds", "2023-12-31T10:00Z"}).values,
            (Numbers{1e-10 - 50400 + 86400 - 36000}));
}

TEST(CsvTimes, ASecondFileSharesTheScaleOfTheFirst) {
  const TimeScale days{"days", "2024-01-01"};
  EXPECT_EQ(table("t\n2024-01-31\n2024-02-01T12:00\n").times("t", days).values, (Numbers{30, 31.5}));
  const TimeScale seconds{"seconds", "2024-01-01T00:00:10Z"};
  EXPECT_EQ(table("t\n2024-01-01\n").times("t", seconds).values, (Numbers{-10}));
  EXPECT_ERROR(table("t\n3\n").times("t", days), DataError, "expected a date or date-time");
  EXPECT_ERROR(table("t\n2024-01-01\n").times("t", {"weeks", "2024-01-01"}), InvalidArgument, "'weeks'");
}

TEST(CsvTimes, ErrorsNameTheCell) {
  EXPECT_ERROR(table("t,x\n0,1\n,2\n").times("t"), DataError, "data.csv, line 3, column 't': the time is missing");
  EXPECT_ERROR(table("t\n2024-02-30\n").times("t"), DataError, "expected a time: a number or a date; got '2024-02-30'");
  for (const std::string bad :
       {"soon", "3", "2024-13-01", "2024-01-01T25:00", "2024-01-01T10:61", "2024-1-1", "2024-01-01T10:00x",
        "2024-01-01T10:00+5", "2024-01-01T10:00:00.", "2024-01-01x", "2024-01-01Z", "+024-01-01",
        "2024-01-01T10:00+24:00", "2024-01-01T10:00+01:60", "2024-01-01T10:00.5:30", "2024-01-01T10:00.5e3",
        "2024-01-01T10:00:60", "2024-01-01T1:00:00"})
    EXPECT_ERROR(table("t\n2024-01-01\n" + bad + "\n").times("t"), DataError, "got '" + bad + "'");
  EXPECT_ERROR(table("t\n3\n2024-01-01\n").times("t"), DataError,
               "line 3, column 't': expected a time, a number as on the lines before; got '2024-01-01'");
}

TEST(CsvWriter, WritesShortestDigitsAndEmptyCells) {
  const std::string text =
      format_csv({{"t", Numbers{0, 0.1, 1e300}}, {"x, y", Words{"a", "b \"c\"", "#"}}, {"z", Numbers{1, NAN, -0.0}}});
  EXPECT_EQ(text, "t,\"x, y\",z\n0,a,1\n0.1,\"b \"\"c\"\"\",\n1e+300,\"#\",-0\n");
  EXPECT_EQ(format_csv({{"x", Numbers{NAN, 1}}}), "x\nNA\n1\n");
  EXPECT_ERROR(format_csv({{"a", Numbers{1}}, {"b", Numbers{1, 2}}}), InvalidArgument, "'b' has 2");
}

RC_GTEST_PROP(CsvWriter, DoublesReadBackToTheSameBits, (std::uint64_t bits)) {
  const double value = std::bit_cast<double>(bits);
  RC_PRE(std::isfinite(value));
  const CsvTable read = table(format_csv({{"a", Numbers{value}}, {"b", Numbers{1}}}));
  RC_ASSERT(std::bit_cast<std::uint64_t>(read.numbers("a")[0]) == bits);
}

RC_GTEST_PROP(CsvWriter, TextReadsBack, (std::vector<std::string> cells)) {
  RC_PRE(!cells.empty());
  // Quotes and delimiters more often than chance; the reader trims blanks and refuses NUL by design.
  for (std::string& cell : cells) {
    std::erase(cell, '\0');
    cell += ",\"";
  }
  const CsvTable read = table(format_csv({{"a", cells}, {"b", Numbers(cells.size(), 1.0)}}));
  RC_ASSERT(read.text("a") == cells);
}

TEST(CsvGarbage, IsAlwaysATypedError) {
  const auto read = [](std::string_view bytes) {
    const CsvTable data(bytes, "data.csv");
    for (const std::string& name : data.names()) data.times(name);
  };
  const std::string text = "\xEF\xBB\xBF# c\r\nt,\"x\"\"\"\n2024-01-01T10:00:00.5+01:00,1\n\"2024-01-02\",nan\n";
  test::expect_garbage_safe(read, text);
  test::expect_random_bytes_safe(read, text);
  test::expect_random_bytes_safe([](std::string_view time) { table("t\n" + std::string(time) + "\n").times("t"); },
                                 "2024-01-01T10:00:00.5+01:00");
}

TEST(Csv, MessagesShowCellsOnOneLineAndNoMoreThanFits) {
  EXPECT_ERROR(CsvTable("t\n\"1\n2\"\n", "data.csv").numbers("t"), DataError, "got '1\\n2'");
  EXPECT_ERROR(CsvTable("t\n" + std::string(5000, 'x') + "\n", "data.csv").numbers("t"), DataError, "xxx…'");
}

}  // namespace
}  // namespace costate

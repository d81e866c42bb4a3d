// Tables that do not begin with a header of names, or hold cells that are no plain numbers.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/io/csv.h"
#include "tests/io/csv_tables.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

using Words = std::vector<std::string>;
using Numbers = std::vector<double>;

TEST(CsvLayout, AFirstLineOfNumbersIsARow) {
  for (const std::string text :
       {"0.0,1.5\n1.0,2.5\n", "0.0;1,5\n1.0;2,5\n", "0.0 1.5\n1.0 2.5\n", "  0.0   1.5 \n  1.0 2.5\n"}) {
    const CsvTable read = table(text);
    EXPECT_FALSE(read.has_header()) << text;
    EXPECT_EQ(read.numbers("1"), (Numbers{0, 1})) << text;
    EXPECT_EQ(read.numbers("2"), (Numbers{1.5, 2.5})) << text;
    EXPECT_EQ(table(text, {.names = {"t", "x"}}).numbers("x"), (Numbers{1.5, 2.5})) << text;
  }
  EXPECT_ERROR(
      table("0.0,1.5,2\n1.0,2.5,2\n").text("t"), DataError,
      "data.csv: there is no column 't', since the file has no header: line 1 holds numbers. Name all 3 columns "
      "with --names, such as --names t,x,y, or take them by number");
  EXPECT_FALSE(table("2024-01-01,1\n2024-01-02,2\n").has_header());
  EXPECT_FALSE(table("10/03/2004;18.00.00;2,6\n10/03/2004;19.00.00;2\n").has_header());
  EXPECT_ERROR(table("0,1\n1,2\n", {.names = {"t"}}), InvalidArgument, "--names must name all 2 columns; got 1 names");
}

TEST(CsvLayout, NumbersInOrderAndMixedLinesAreNames) {
  EXPECT_EQ(table("0,1,2\n5,6,7\n").names(), (Words{"0", "1", "2"}));
  EXPECT_EQ(table(",0,1\n0,5,6\n").numbers("1"), (Numbers{6}));
  EXPECT_EQ(table("country,1990,2000\na,6,7\n").numbers("2000"), (Numbers{7}));
  EXPECT_ERROR(table("a,0,1.5\nb,6,7\n").text("t"), DataError,
               "If the first line is no header, name the columns with --names.");
}

TEST(CsvLayout, AboveASeriesOfPandasStandsAZero) {
  const CsvTable read = table(",0\n2020-01-01,5.5\n2020-01-02,6.5\n");
  EXPECT_EQ(read.names(), (Words{"column 1", "0"}));
  EXPECT_EQ(read.numbers("0"), (Numbers{5.5, 6.5}));
  EXPECT_FALSE(table(",5\n1,6\n").has_header());
}

TEST(CsvLayout, RowsOfRHaveNamesThatTheHeaderDoesNotName) {
  for (const std::string text :
       {"\"t\" \"x\"\n\"1\" 0 1.5\n\"2\" 1 2.5\n", "t x\n1 0 1.5\n2 1 2.5\n", "t\tx\n1\t0\t1.5\n2\t1\t2.5\n",
        "\"t\"\t\"x\"\n\"a\"\t0\t1.5\n\"b\"\t1\t2.5\n", "\"t\",\"x\"\n\"1\",0,1.5\n\"2\",1,2.5\n",
        "t;x\n2020-01-01;0;1,5\n2020-01-02;1;2,5\n"}) {
    const CsvTable read = table(text);
    EXPECT_EQ(read.names(), (Words{"column 1", "t", "x"})) << text;
    EXPECT_EQ(read.numbers("t"), (Numbers{0, 1})) << text;
    EXPECT_EQ(read.numbers("x"), (Numbers{1.5, 2.5})) << text;
  }
  for (const std::string text :
       {"\"x\"\n\"1\" 1.5\n\"2\" 2.5\n", "x\n1\t1.5\n2\t2.5\n", "\"x\"\n\"1\",1.5\n\"2\",2.5\n"})
    EXPECT_EQ(table(text).numbers("x"), (Numbers{1.5, 2.5})) << text;
  // Unquoted commas may be those of numbers, and numbers that are not counted are no names.
  EXPECT_ERROR(table("t,x\n1,1,5\n2,2,5\n"), DataError,
               "line 2: expected 2 cells as in the header; got 3: the header has one cell less than the row.");
  EXPECT_ERROR(table("t\tx\n0.5\t0\t1\n1.5\t1\t2\n"), DataError, "the header has one cell less than the row.");
  EXPECT_EQ(table("t,x\n1,5,\n2,6,\n").numbers("x"), (Numbers{5, 6}));
}

TEST(CsvLayout, QuotedCellsComeWithoutBlanksToo) {
  const CsvTable read = table("\" t \",\"x \"\n\" 2020-01-01\",\" 0.5\"\n\"2020-01-02 \",\"1.5\t\"\n");
  EXPECT_EQ(read.names(), (Words{"t", "x"}));
  EXPECT_EQ(read.numbers("x"), (Numbers{0.5, 1.5}));
  EXPECT_EQ(read.times("t").values, (Numbers{0, 1}));
  EXPECT_EQ(table("id;x\n\" A\";\" 0,5 \"\n\"B\";\" NA\"\n").text("id"), (Words{" A", "B"}));
  EXPECT_EQ(table("id;x\n\" A\";\" 0,5 \"\n\"B\";\" NA\"\n").numbers("x")[0], 0.5);
}

TEST(CsvLayout, NamesReplaceAHeaderOfTheFile) {
  EXPECT_EQ(table("time,level\nh,m\n0,1\n1,2\n", {.names = {"t", "x"}}).numbers("x"), (Numbers{1, 2}));
}

TEST(CsvLayout, LinesBeforeTheHeaderAreFoundAndProposed) {
  const std::string text = "722780,EXAMPLE FIELD,-7.0,33.4\ntime,x,y\nh,V,mA\n0,1,2\n1,3,4\n,,\n,,\n";
  EXPECT_ERROR(
      table(text), DataError,
      "data.csv, line 2: expected 4 cells as in the header; got 3. The table seems to begin on line 2, 'time, x, "
      "y': skip what is before with --skip 1.");
  const CsvTable read = table(text, {.skip = 1});
  EXPECT_EQ(read.units(), (Words{"h", "V", "mA"}));
  EXPECT_EQ(read.numbers("y"), (Numbers{2, 4}));
  EXPECT_EQ(read.line(0), 4u);
  EXPECT_ERROR(table("Logger 5\nby \"us\", 2024\n\n0;1,5;2\n1;2,5;3\n2;3;4\n"), DataError,
               "begin on line 4, '0, 1,5, 2': skip what is before with --skip 3, and name its columns with --names");
  EXPECT_ERROR(
      table("Station 12\n\nt;x\n0;1\n1;2\n2;3\n"), DataError,
      "line 1: the first line has one cell, but the rows below more. The table seems to begin on line 3, 't, x': skip");
  EXPECT_ERROR(table("a\n1\n", {.skip = 5}), DataError, "has nothing after 5 lines");
  // A first line with as many cells hides the header; the row below tells.
  EXPECT_ERROR(table("station,north\ntime,x\n0,1\n1,2\n").text("time"), DataError,
               "'time' stands in a row below the first line, which was taken for units; if it is the header, skip");
  EXPECT_ERROR(table("t,x\n0,1\n1,2,3\n"), DataError,
               "line 3: expected 2 cells as in the header; got 3. Mend the line");
}

TEST(CsvLayout, RowsOfUnitsAreNoData) {
  EXPECT_EQ(table("t,x\n[s],[m]\n0,1\n").numbers("x"), (Numbers{1}));
  EXPECT_EQ(table("t,x\ns,m\n,Avg\n0,1\n").numbers("x"), (Numbers{1}));
  EXPECT_EQ(table("t,x\n,m\n0,1\n").units(), (Words{"", "m"}));
  EXPECT_EQ(table("when,x\nUTC,m\n2024-01-01,1\n").numbers("x"), (Numbers{1}));
  // Cells that are missing, or text without a number below it, are data.
  EXPECT_EQ(table("t,x\nNA,NA\n0,1\n").num_rows(), 2u);
  EXPECT_EQ(table("name,kind\nhare,prey\nlynx,hunter\n").num_rows(), 2u);
  EXPECT_EQ(table("name,kind\nhare,prey\n").num_rows(), 1u);
}

TEST(CsvLayout, NamesInLatin1AreReadAsUtf8) {
  const CsvTable read = table(
      "t,T [\xB0"
      "C]\n\xB5s,\xB0"
      "C\n0,1\n");
  EXPECT_EQ(read.numbers("T [\u00B0C]"), (Numbers{1}));
  EXPECT_EQ(read.units(), (Words{"\u00B5s", "\u00B0C"}));
  EXPECT_EQ(table("t,\u00B5\n0,1\n").numbers("\u00B5"), (Numbers{1}));
}

TEST(CsvLayout, TheDelimiterMayStandInTheFirstLine) {
  EXPECT_EQ(table("sep=;\nt;x\n0;1,5\n").numbers("x"), (Numbers{1.5}));
  EXPECT_EQ(table("\xEF\xBB\xBFsep=,\r\nt,x\r\n0,1\r\n").line(0), 3u);
}

TEST(CsvLayout, PercentCommentsAndEmptyCellsAtTheEndsAreSkipped) {
  const CsvTable read = table("% made by hand\n% t x\n0 1\n1 2\n");
  EXPECT_EQ(read.names(), (Words{"t", "x"}));
  EXPECT_EQ(table("t,x\n0,1,,\n1,2,\n,\n,,,,\n").numbers("x"), (Numbers{1, 2}));
  EXPECT_EQ(table("t,x\n0,1\n,\n1,2\n").num_rows(), 3u);  // in between it is for the reader to judge
  EXPECT_EQ(table("x\nNA\n\n").num_rows(), 1u);
}

TEST(CsvLayout, EqualOrUnusedColumnsMayShareAName) {
  EXPECT_EQ(table("t,x,x\n0,1,1\n1,2,2\n").numbers("x"), (Numbers{1, 2}));
  const CsvTable read = table("t,x,x\n0,1,1\n1,2,3\n");
  EXPECT_EQ(read.numbers("t"), (Numbers{0, 1}));
  EXPECT_ERROR(read.numbers("x"), DataError,
               "columns 2 and 3 are both called 'x' and differ; give all columns other names");
}

TEST(CsvLayout, DecimalCommas) {
  EXPECT_EQ(table("t;x\n0;1,5\n1;-2,25e-1\n2;3\n").numbers("x"), (Numbers{1.5, -0.225, 3}));
  EXPECT_EQ(table("t\tx\n0\t1,5\n1\t2\n").numbers("x"), (Numbers{1.5, 2}));
  EXPECT_EQ(table("t;x\n0;1.234.567,5\n1;-12.345,25\n").numbers("x"), (Numbers{1234567.5, -12345.25}));
  EXPECT_EQ(table("0,5;1,5;2,5\n1,5;2,5;3,5\n").numbers("1"), (Numbers{0.5, 1.5}));
  EXPECT_ERROR(table("t;x\n0;1,5\n1;1.5\n").numbers("x"), DataError,
               "line 3, column 'x': the column has decimal commas; '1.5' has a decimal point");
  for (const std::string bad : {"1.23,4", "1,2,3", "1,2.3", "1.2345,6", ",", "1,x"})
    EXPECT_ERROR(table("t;x\n0;1,5\n1;" + bad + "\n").numbers("x"), DataError, "got '" + bad + "'");
}

TEST(CsvLayout, ThousandsAreNoDecimals) {
  EXPECT_ERROR(table("t,x\n\"1,000\",1\n\"2,000\",2\n").times("t"), DataError, "got '1,000'");
  EXPECT_ERROR(table("t,x\n1,\"1,000\"\n").numbers("x"), DataError, "without thousands separators");
  EXPECT_EQ(table("t;x\n0,5;1\n1,5;2\n").times("t").values, (Numbers{0.5, 1.5}));
}

TEST(CsvLayout, GroupsOfThreeDigitsMayBeSetApartByBlanksOrApostrophes) {
  EXPECT_EQ(table("t;x\n0;1'234'567.5\n1;-12'000.00\n").numbers("x"), (std::vector<double>{1234567.5, -12000}));
  EXPECT_EQ(table("t;x\n0;1 234,5\n1;12\xC2\xA0"
                  "000,25\n2;1\xE2\x80\xAF"
                  "000\n")
                .numbers("x"),
            (std::vector<double>{1234.5, 12000.25, 1000}));
  for (const char* other : {"1'23", "1 2345", "1234'567", "'123", "1 234'567"})
    EXPECT_THROW(table(std::string("t;x\n0;") + other + "\n").numbers("x"), DataError) << other;
}

TEST(CsvLayout, TrueIsOneAndFalseIsNone) {
  EXPECT_EQ(table("t,on\n0,true\n1,FALSE\n2,True\n").numbers("on"), (std::vector<double>{1, 0, 1}));
  EXPECT_ERROR(table("t,on\n0,open\n1,closed\n").numbers("on"), DataError, "Write numbers in place of words");
}

/// pandas' to_csv() of a table whose index are its times.
TEST(CsvLayout, ColumnsWithoutANameAreNamedByTheirPlace) {
  const CsvTable read = table(",x,\n2024-01-01,1,\n2024-01-03,2,\n");
  EXPECT_EQ(read.names(), (std::vector<std::string>{"column 1", "x", ""}));
  EXPECT_EQ(read.times("column 1").values, (std::vector<double>{0, 2}));
}

TEST(CsvLayout, CodesForMissing) {
  const CsvTable read = table("x,y\n-999,n/a\n-999.0,2\n1,<0.5\n", {.missing = {"-999", "n/a", "<"}});
  const Numbers x = read.numbers("x"), y = read.numbers("y");
  EXPECT_TRUE(std::isnan(x[0]) && std::isnan(x[1]) && std::isnan(y[0]) && std::isnan(y[2]));
  EXPECT_EQ(x[2], 1);
  EXPECT_EQ(y[1], 2);
}

TEST(CsvLayout, UsualWordsForNothingAreMissing) {
  for (const std::string word : {"n/a", "#N/A", "NULL", "none", "None", ".", "-", "--", "?", "<NA>", "-nan", "NAN"})
    EXPECT_TRUE(std::isnan(table("t,x\n0," + word + "\n1,2\n").numbers("x")[0])) << word;
  EXPECT_FALSE(table("0,.\n1,2\n").has_header());
  EXPECT_ERROR(table("t,x\n0,gone\n").numbers("x"), DataError, "or say so with --missing");
}

TEST(CsvLayout, CodesMayHaveADecimalComma) {
  EXPECT_TRUE(std::isnan(table("t;x\n0;-200,0\n1;2,5\n", {.missing = {"-200"}}).numbers("x")[0]));
}

TEST(CsvLayout, FilesOfLoggersAndOfAgenciesAreRead) {
  const std::string toa5 =
      "\"TOA5\",\"CR1000\",\"12345\"\n\"TIMESTAMP\",\"RECORD\",\"T\",\"RH\"\n\"TS\",\"RN\",\"Deg "
      "C\",\"%\"\n\"\",\"\",\"Avg\",\"Smp\"\n\"2019-05-01 00:00:00\",0,10,\"NAN\"\n\"2019-05-01 00:15:00\",1,11,50\n";
  EXPECT_ERROR(table(toa5), DataError,
               "begin on line 2, 'TIMESTAMP, RECORD, T, RH': skip what is before with --skip 1.");
  const CsvTable logger = table(toa5, {.skip = 1});
  EXPECT_EQ(logger.units(), (Words{"TS", "RN", "Deg C", "%"}));
  EXPECT_EQ(logger.times("TIMESTAMP").values, (Numbers{0, 900}));
  const CsvTable river = table("# USGS\nsite_no\tdatetime\t00060\n15s\t20d\t14n\n0123\t2020-01-01 00:15\t5\n");
  EXPECT_EQ(river.numbers("00060"), (Numbers{5}));
  const CsvTable buoy = table("#yr  mo dy hr mn degT\n2020 01 01 00 50 200\n2020 01 01 01 20 201\n");
  EXPECT_EQ(buoy.times("yr,mo,dy,hr,mn").values, (Numbers{0, 1800}));
  const CsvTable air = table("Date;Time;CO;;\n10/03/2004;18.00.00;2,6;;\n13/03/2004;18.00.00;-200;;\n;;;;\n;;;;\n");
  EXPECT_EQ(air.times("Date,Time").values, (Numbers{0, 3 * 86400}));
  EXPECT_EQ(air.numbers("CO"), (Numbers{2.6, -200}));
}

TEST(CsvLayout, CommasAreReadByTheWholeColumn) {
  EXPECT_EQ(table("t,x\n0,\"1,234.5\"\n1,\"12.25\"\n2,\"-1,000,000\"\n").numbers("x"), (Numbers{1234.5, 12.25, -1e6}));
  EXPECT_EQ(table("t;x\n0;1,234.5\n1;2,000\n").numbers("x"), (Numbers{1234.5, 2000}));
  EXPECT_EQ(table("t,x\n0,\"0,5\"\n1,\"1,234\"\n").numbers("x"), (Numbers{0.5, 1.234}));
  EXPECT_EQ(table("t;x\n0;2,000\n1;2,111\n").numbers("x"), (Numbers{2, 2.111}));
  EXPECT_EQ(table("t;x\n\"1,000.5\";2\n\"2,000.5\";3\n").times("t").values, (Numbers{1000.5, 2000.5}));
  EXPECT_ERROR(table("t,x\n0,\"1,234\"\n1,\"2,345\"\n").numbers("x"), DataError,
               "got '1,234'. Write numbers with a decimal point and without thousands separators.");
  EXPECT_EQ(table("t;x\n0;2,000\n1;2,111\n").doubt("x"), "decimal commas: '2,111' is 2.111");
  EXPECT_EQ(table("t;x\n0;2,5\n1;2,111\n").doubt("x"), "");
  EXPECT_EQ(table("t;x\n0;1,234.5\n1;2,000\n").doubt("x"), "");
  EXPECT_EQ(table("t,x\n0,1\n1,2\n2,oops\n").doubt("x"), "no number on line 4: 'oops'");
  EXPECT_EQ(table("t,x\n0,a\n1,2\n2,b\n").doubt("x"), "");
}

TEST(CsvLayout, NumbersAsProgramsWriteThem) {
  const CsvTable fortran = table("  0.0D+00  1.5d-01\n  0.5D+00  -2.5D1\n  1.0D+00  1.25-101\n");
  EXPECT_FALSE(fortran.has_header());
  EXPECT_EQ(fortran.numbers("1"), (Numbers{0, 0.5, 1}));
  EXPECT_EQ(fortran.numbers("2"), (Numbers{0.15, -25, 1.25e-101}));
  EXPECT_EQ(table("t,x\n0,.5\n1,5.\n2,+.5\n3,\xE2\x88\x92"
                  "1.5\n4,\xC2\xA0"
                  "2\n5, \xC2\xA0 \xC2\xA0"
                  "2.5 \xC2\xA0 \n")
                .numbers("x"),
            (Numbers{0.5, 5, 0.5, -1.5, 2, 2.5}));
  for (const char* cell : {"D5", "1D", "1D+", "0x1F", "2024-101", "1-2", "1.5-10", "5 mV", "7%", "(3)"})
    EXPECT_THROW(table(std::string("t,x\n0,1\n1,") + cell + "\n").numbers("x"), DataError) << cell;
  EXPECT_ERROR(table("t,x\n0,5 mV\n").numbers("x"), DataError,
               "got '5 mV'. Write numbers alone, without units or thousands separators.");
}

TEST(CsvLayout, WordsForNothing) {
  for (const char* word : {"#DIV/0!", "#VALUE!", "1.#QNAN", "-1.#IND", "-nan(ind)", "n.a.", "k.A.", "(null)", "NaT",
                           "\\N", "No Data", "missing"})
    EXPECT_TRUE(std::isnan(table(std::string("t,x\n0,1\n1,") + word + "\n").numbers("x")[1])) << word;
  // One in the first column makes no comment of the line.
  const CsvTable first = table("x,t\n1,0\n#N/A,1\n#DIV/0!,2\n#4,3\n");
  EXPECT_EQ(first.numbers("t"), (Numbers{0, 1, 2}));
  EXPECT_TRUE(std::isnan(first.numbers("x")[2]));
}

TEST(CsvLayout, LinesThatSpreadsheetsAdd) {
  for (const char* sep : {"sep=;\n", "SEP=;\n", "\"sep=;\"\r\n"})
    EXPECT_EQ(table(std::string(sep) + "t;x\n0;1,5\n1;2,5\n").numbers("x"), (Numbers{1.5, 2.5})) << sep;
  EXPECT_EQ(table("t;x;\n0;1\n1;2\n").names(), (Words{"t", "x"}));
  EXPECT_EQ(table("t|x\n0|1\n1|2\n").numbers("x"), (Numbers{1, 2}));
  EXPECT_ERROR(table("group A,,group B,\nt,x,t,x\n0,1,0,2\n1,2,1,3\n"), DataError,
               "line 1: column 2 has no name, but the line below has one, 'x'; if that is the header, skip the lines "
               "before it with --skip.");
}

TEST(CsvLayout, MeasurementsMayBeLimits) {
  const Measurements x =
      table("t;x\n0;<0,01\n1;< 0,5\n2;3,5\n3;>1.000,5\n4;\xE2\x89\xA5 7\n5;<=2\n6;\n").measurements("x");
  const auto expect_same = [](const Numbers& found, const Numbers& expected) {
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_TRUE(found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i])))
          << i << ": " << found[i];
  };
  expect_same(x.below, {0.01, 0.5, NAN, NAN, NAN, 2, NAN});
  expect_same(x.above, {NAN, NAN, NAN, 1000.5, 7, NAN, NAN});
  expect_same(x.values, {NAN, NAN, 3.5, NAN, NAN, NAN, NAN});
  expect_same(table("t,x\n0,<0.1\n1,>5\n", {.missing = {"<"}}).measurements("x").below, {NAN, NAN});
  EXPECT_ERROR(table("t,x\n0,<low\n").measurements("x"), DataError, "expected a number; got 'low'");
  EXPECT_ERROR(table("t,x\n0,<inf\n").measurements("x"), DataError, "expected a finite number; got 'inf'");
  EXPECT_FALSE(table("0,< 0.1\n1,2\n").has_header());
}

TEST(CsvLayout, WhatIsNoNumberIsNamed) {
  EXPECT_ERROR(table("t,x\n0,1\n1,<0.01\n").numbers("x"), DataError,
               "line 3, column 'x': '<0.01' is beyond a limit of detection, as only a state may be; take such cells as "
               "missing with --missing '<', or write half the limit");
  EXPECT_ERROR(table("t,x\n0,2024-01-01\n").numbers("x"), DataError,
               "got '2024-01-01', a date or time. Only the column of --time");
  EXPECT_ERROR(table("t,x\n0,12:30\n").numbers("x"), DataError, "a date or time");
}

}  // namespace
}  // namespace costate

// Dates in the orders in which people write them.
#include <gtest/gtest.h>

#include "costate/io/csv.h"
#include "tests/io/csv_tables.h"
#include "tests/io/garbage.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

using Words = std::vector<std::string>;
using Numbers = std::vector<double>;

TimeColumn times(const Words& cells, const TimeScale& scale = {}, const std::string& format = {}) {
  return CsvTable({"t"}, {cells}, "data.csv").times("t", scale, format);
}

struct Case {
  const char *first, *second, *format;
};

class Dates : public testing::TestWithParam<Case> {};

/// The second moment is a day and a half, or two days, after the first.
TEST_P(Dates, TellTheirFormatAndComeOutInIt) {
  const auto [first, second, format] = GetParam();
  const TimeColumn read = times({first, second});
  EXPECT_EQ(read.scale.format, format);
  EXPECT_EQ(read.values, (read.scale.unit == "days" ? Numbers{0, 2} : Numbers{0, 129600}));
  EXPECT_EQ(time_cells(read.values, read.scale), (Words{first, second}));
}

INSTANTIATE_TEST_SUITE_P(
    Csv, Dates,
    testing::Values(Case{"13/03/2014", "15/03/2014", "%d/%m/%Y"}, Case{"03/13/2014", "03/15/2014", "%m/%d/%Y"},
                    Case{"03.03.2014", "05.03.2014", "%d.%m.%Y"}, Case{"13-03-2014", "15-03-2014", "%d-%m-%Y"},
                    Case{"2014/03/03", "2014/03/05", "%Y/%m/%d"}, Case{"13/03/68", "15/03/68", "%d/%m/%y"},
                    Case{"03 Mar 2014", "05 Mar 2014", "%d %b %Y"}, Case{"03-Mar-14", "05-Mar-14", "%d-%b-%y"},
                    Case{"Mar 03, 2014", "Mar 05, 2014", "%b %d, %Y"}, Case{"20140303", "20140305", "%Y%m%d"},
                    Case{"2014 03 03", "2014 03 05", "%Y %m %d"}, Case{"03Mar2014", "05Mar2014", "%d%b%Y"},
                    Case{"2014-062", "2014-064", "%Y-%j"}, Case{"Mon Mar 03 2014", "Wed Mar 05 2014", "%a %b %d %Y"},
                    Case{"20140303 0600", "20140304 1800", "%Y%m%d %H%M"}, Case{"2014030306", "2014030418", "%Y%m%d%H"},
                    Case{"201403030600", "201403041800", "%Y%m%d%H%M"},
                    Case{"20140303060000", "20140304180000", "%Y%m%d%H%M%S"}, Case{"98-03-30", "98-04-01", "%y-%m-%d"},
                    Case{"03/Mar/2014:06:00:00", "04/Mar/2014:18:00:00", "%d/%b/%Y:%H:%M:%S"},
                    Case{"13/03/2014 06.00.00", "14/03/2014 18.00.00", "%d/%m/%Y %H.%M.%S"},
                    Case{"03/13/2014 06:00", "03/14/2014 18:00", "%m/%d/%Y %H:%M"},
                    Case{"03/13/2014 06:00 AM", "03/14/2014 06:00 PM", "%m/%d/%Y %I:%M %p"},
                    Case{"03.03.2014 06:00:00", "04.03.2014 18:00:00", "%d.%m.%Y %H:%M:%S"},
                    Case{"2014/03/03 06:00:00", "2014/03/04 18:00:00", "%Y/%m/%d %H:%M:%S"},
                    Case{"2014-03-03 06:00:00", "2014-03-04 18:00:00", "%F %T"},
                    Case{"2014-03-03T06:00Z", "2014-03-04T18:00Z", "%FT%RZ"},
                    Case{"2014-03-03T06:00:00+00:00", "2014-03-04T18:00:00+00:00", "%FT%T%Ez"}),
    [](const auto& test) { return "Case" + std::to_string(test.index); });

TEST(CsvDates, DayAndMonthThatCouldBeExchangedAreRefused) {
  EXPECT_ERROR(times({"10/03/2014", "11/03/2014"}), DataError,
               "data.csv, line 1, column 't': '10/03/2014' can be read in 2 ways, and so can every other cell; choose "
               "--time-format \"%d/%m/%Y\" or --time-format \"%m/%d/%Y\"");
  EXPECT_EQ(times({"10/03/2014", "11/03/2014"}, {}, "%d/%m/%Y").values, (Numbers{0, 1}));
  EXPECT_EQ(times({"10/03/2014", "11/03/2014"}, {}, "%m/%d/%Y").values, (Numbers{0, 31}));
  // Years and months stand for their first day.
  EXPECT_EQ(times({"1900", "1901", "1905"}, {}, "%Y").values, (Numbers{0, 365, 5 * 365 + 1}));
  EXPECT_EQ(times({"Mar 14", "May 14"}, {}, "%b %y").values, (Numbers{0, 61}));
  // A file read after another is in its order.
  EXPECT_EQ(times({"10/03/2014"}, {"days", "2014-03-01", "%d/%m/%Y"}).values, (Numbers{9}));
  EXPECT_EQ(times({"10/13/2014"}, {"days", "2014-10-01", "%d/%m/%Y"}).values, (Numbers{12}));
}

TEST(CsvDates, AYearOfTwoDigitsThatCouldBeADayIsRefused) {
  EXPECT_ERROR(times({"23-03-01", "23-03-02"}), DataError,
               "'23-03-01' can be read in 2 ways, and so can every other cell; choose --time-format \"%d-%m-%y\" or "
               "--time-format \"%y-%m-%d\"");
}

TEST(CsvDates, SecondsSince1970AreNumbers) {
  EXPECT_EQ(times({"1712010100", "1712010101"}).values, (Numbers{1712010100, 1712010101}));
  EXPECT_EQ(times({"201403030600", "201499030600", "201499030601"}).scale.unit, "");  // no month 99
}

TEST(CsvDates, ALaterFileMayBeInIsoInstead) {
  const TimeScale scale{"days", "2014-03-01", "%d/%m/%Y"};
  EXPECT_EQ(times({"2014-03-02T12:00:00Z"}, scale, "%d/%m/%Y").values, (Numbers{1.5}));
  EXPECT_ERROR(times({"2014-03-02"}, {}, "%d/%m/%Y"), DataError, "expected a time in the format");
}

TEST(CsvDates, MonthsAreTheirFirstDays) {
  for (const Words& cells : {Words{"Feb 2014", "Apr 2014"}, Words{"Feb-14", "Apr-14"}, Words{"02/2014", "04/2014"}}) {
    const TimeColumn read = times(cells);
    EXPECT_EQ(read.values, (Numbers{0, 59})) << cells[0];
    EXPECT_EQ(time_cells(read.values, read.scale), cells);
  }
  EXPECT_EQ(times({"1 February 2014", "3 March 2014"}).values, (Numbers{0, 30}));
}

TEST(CsvDates, QuartersAndWeeksAreTheirFirstDays) {
  for (const Words& cells : {Words{"1990Q1", "1990Q2", "1991Q4"}, Words{"1990-Q1", "1990-Q2", "1991-Q4"},
                             Words{"1990 Q1", "1990 Q2", "1991 Q4"}, Words{"1990q1", "1990q2", "1991q4"},
                             Words{"Q1 1990", "Q2 1990", "Q4 1991"}, Words{"Q1-1990", "Q2-1990", "Q4-1991"},
                             Words{"1Q1990", "2Q1990", "4Q1991"}, Words{"1Q 1990", "2Q 1990", "4Q 1991"}}) {
    const TimeColumn read = times(cells);
    EXPECT_EQ(read.values, (Numbers{0, 90, 365 + 273})) << cells[0];
    EXPECT_EQ(time_cells(read.values, read.scale), cells);
  }
  // The first ISO week of 2025 begins in 2024, which has 52; 2020 had 53.
  for (const Words& cells : {Words{"2024-W01", "2024-W52", "2025-W01"}, Words{"2024W01", "2024W52", "2025W01"}}) {
    const TimeColumn read = times(cells);
    EXPECT_EQ(read.values, (Numbers{0, 357, 364})) << cells[0];
    EXPECT_EQ(read.scale.origin, "2024-01-01");
    EXPECT_EQ(time_cells(read.values, read.scale), cells);
  }
  EXPECT_EQ(times({"2020-W53", "2021-W01"}).values, (Numbers{0, 7}));
  EXPECT_EQ(times({"2020-W53-1", "2020-W53-7", "2021-W01-1"}).values, (Numbers{0, 6, 7}));
  EXPECT_EQ(times({"1990M01", "1990M12"}).values, (Numbers{0, 334}));
  EXPECT_ERROR(times({"1990Q1", "1990Q5"}), DataError,
               "expected a date in the format '%YQ%q' as on the lines before; got '1990Q5'");
  EXPECT_ERROR(times({"2024-W01", "2024-W53"}), DataError,
               "expected a date in the format '%G-W%V' as on the lines before; got '2024-W53'");
}

/// Quarters have 90 to 92 days, months 28 to 31.
TEST(CsvDates, PeriodsFollowEachOtherByTheCalendar) {
  const auto later = [](const Words& cells, double spacing, std::int64_t steps) {
    const TimeColumn read = times(cells);
    return time_cells({time_after(read.values.back(), steps, spacing, read.scale)}, read.scale)[0];
  };
  EXPECT_EQ(later({"1990Q1", "1990Q2"}, 91, 7), "1992Q1");
  EXPECT_EQ(later({"1990-01", "1990-02"}, 31, 37), "1993-03");
  EXPECT_EQ(later({"1990-01", "1990-03"}, 59, 6), "1991-03");  // every other month
  EXPECT_EQ(later({"Dec 1990", "Jan 1991"}, 31, 1), "Feb 1991");
  EXPECT_EQ(later({"1990-W01", "1990-W02"}, 7, 52), "1991-W02");
  EXPECT_EQ(later({"1990-01-01", "1990-02-01"}, 31, 1), "1990-03-04");  // two say nothing
  EXPECT_EQ(later({"1990-01-01", "1990-02-01", "1990-03-01"}, 29.5, 1), "1990-04-01");
  EXPECT_EQ(later({"1990/01/01", "1990/04/01", "1990/07/01"}, 90.5, 3), "1991/04/01");
  EXPECT_EQ(later({"1990-01-01", "1991-01-01", "1992-01-01"}, 365, 9), "2001-01-01");
  EXPECT_EQ(later({"1990-01-01", "1990-02-01", "1990-03-02"}, 30, 1), "1990-04-01");  // of which one is no first day
  EXPECT_EQ(later({"1991-11-30", "1991-12-31", "1992-01-31"}, 31, 1), "1992-02-29");
  EXPECT_EQ(later({"1991-11-30", "1991-12-31", "1992-01-31"}, 31, 14), "1993-03-31");
  EXPECT_EQ(later({"31/03/1990", "30/06/1990", "30/09/1990"}, 91.5, 2), "31/03/1991");
  EXPECT_EQ(later({"19900331", "19900630", "19900930"}, 91.5, 2), "19910331");
  EXPECT_EQ(later({"1990-12-31", "1991-12-31", "1992-12-31"}, 365.5, 3), "1995-12-31");
  EXPECT_EQ(later({"1990-01-31", "1990-02-28", "1990-03-30"}, 29, 1), "1990-04-28");  // of which one is no last day
  // Later files may have other days, in the order of the first.
  const TimeScale lasts = times({"1990-01-31", "1990-02-28", "1990-03-31"}).scale;
  EXPECT_EQ(times({"1990-02-15"}, lasts).values, (Numbers{15}));
  EXPECT_EQ(time_cells({15}, lasts)[0], "1990-02-15");
  const TimeScale firsts = times({"01/01/1990", "01/02/1990", "01/03/1990"}, {}, "%d/%m/%Y").scale;
  EXPECT_EQ(times({"02/03/1990"}, firsts).values, (Numbers{60}));
  EXPECT_EQ(times({"01/03/1990"}, firsts).values, (Numbers{59}));
  const TimeScale months{"days", "1990-01-01", "%b %Y"};
  EXPECT_EQ(time_after(14, 2, 31, months), 76);  // from the middle of a month
  EXPECT_EQ(time_after(0.5, 2, 31, months), 62.5);
  EXPECT_EQ(time_after(3, 2, 0.5, {}), 4);
  // Beyond the calendar, whose years have 16 bits, times are no dates.
  for (const std::int64_t steps : std::vector<std::int64_t>{1'000'000, 10'000'000'000}) {
    const double after = time_after(0, steps, 31, months);
    EXPECT_EQ(after, 31.0 * static_cast<double>(steps));
    EXPECT_ERROR(time_cells({after}, months), DataError, "is no date");
  }
  EXPECT_EQ(time_after(1e300, 1, 31, months), 1e300);
  EXPECT_EQ(time_after(0, 1, 1e300, months), 1e300);
}

/// The cells of so many months from January of `year` on, as 194901.
Words months_from(int year, int count) {
  Words cells;
  for (int i = 0; i < count; ++i) cells.push_back(std::to_string(100 * (year + i / 12) + 1 + i % 12));
  return cells;
}

TEST(CsvDates, MonthsAndDaysOfAYearInDigitsAreDatesWhereAYearEnds) {
  const TimeColumn months = times(months_from(1949, 14));
  EXPECT_EQ(months.scale, (TimeScale{"days", "1949-01-01", "%Y%m"}));
  EXPECT_EQ(months.values[13], 396);
  EXPECT_EQ(time_cells({time_after(396, 11, 31, months.scale)}, months.scale), (Words{"195101"}));
  EXPECT_EQ(times({"195101"}, months.scale).values, (Numbers{730}));
  EXPECT_ERROR(times({"195113"}, months.scale), DataError,
               "expected a date or date-time, since the times of the model");
  const TimeColumn days = times({"1999354", "1999355", "1999365", "2000001", "2000002"});
  EXPECT_EQ(days.scale, (TimeScale{"days", "1999-12-20", "%Y%j"}));
  EXPECT_EQ(days.values, (Numbers{0, 1, 11, 12, 13}));
  EXPECT_EQ(time_cells({14}, days.scale), (Words{"2000003"}));
}

TEST(CsvDates, NumbersThatLookSoAreNumbersAndSaidToBe) {
  // Within a year; every year; a month 13; a year without day 366; day 0; a year that nobody means; a fraction.
  for (const Words& cells :
       {months_from(1949, 12), Words{"194906", "195006", "195106", "195206"},
        Words{"194911", "194912", "194913", "195001"}, Words{"1999364", "1999365", "1999366", "2000001"},
        Words{"1999365", "2000000", "2000001"}, Words{"100012", "100101", "100102"},
        Words{"194911", "194912", "195001.5"}, Words{"150200", "151200", "152200"}})
    EXPECT_EQ(times(cells).scale.unit, "") << cells[0];
  const CsvTable table({"t"}, {months_from(1949, 12)}, "data.csv");
  EXPECT_EQ(table.doubt_of_times("t"), "'t' is read as numbers; if they are dates (YYYYMM), add --time-format %Y%m");
  EXPECT_EQ(table.times("t", {}, "%Y%m").values[11], 334);
  EXPECT_EQ(CsvTable({"t"}, {months_from(1949, 14)}, "data.csv").doubt_of_times("t"), "");
  EXPECT_EQ(CsvTable({"t"}, {{"194906", "194913"}}, "data.csv").doubt_of_times("t"), "");
  EXPECT_EQ(CsvTable({"t"}, {{"2023001", "2023002"}}, "data.csv").doubt_of_times("t"),
            "'t' is read as numbers; if they are dates (YYYYDDD), add --time-format %Y%j");
}

TEST(CsvDates, DaysThatNoYearHasAreNoDates) {
  EXPECT_EQ(times({"1961-013", "1961-365"}).values, (Numbers{0, 352}));
  EXPECT_EQ(times({"1964/366", "1965/001"}).values, (Numbers{0, 1}));
  const TimeScale months = times({"1961-01", "1961-02", "1961-03"}).scale;
  for (const char* none : {"1961-13", "1961-99", "1961-00", "1961-366", "1961-000", "1961-367", "1961/13", "1961-02-30",
                           "1961-13-01", "1962-W53-1", "1961-W00-1", "1961-W01-8", "1961-01-01T24:30", "30/02/1961"}) {
    EXPECT_THROW(times({none}), DataError) << none;
    EXPECT_THROW(times({none}, months), DataError) << none;
  }
  EXPECT_ERROR(times({"2001-W51-1", "2001-W52-1", "2001-W53-1"}), DataError, "2001-W53-1");
  EXPECT_ERROR(times({"366 1999 01:00"}, {}, "%j %Y %H:%M"), DataError, "got '366 1999 01:00'");
  EXPECT_EQ(times({"99335", "99336", "00001"}, {}, "%y%j").values, (Numbers{0, 1, 31}));
  EXPECT_EQ(times({"3351999", "3361999"}, {}, "%j%Y").values, (Numbers{0, 1}));
  EXPECT_ERROR(times({"2001 000"}, {}, "%Y %j"), DataError, "expected a time in the format '%Y %j'");
  EXPECT_EQ(times({"2001 5", "2001 12"}, {}, "%Y %j").values, (Numbers{0, 7}));
}

TEST(CsvDates, InTwoColumns) {
  EXPECT_ERROR(table("m,d\n5,1\n5,2\n").times("m,d"), DataError,
               "expected a time: a date and a time of day; got '5 1'. Of columns of numbers all are needed: --time "
               "YEAR,MONTH,DAY.");

  const CsvTable read = table("Date;Time;x\n13/03/2014;00.00.00;2,5\n14/03/2014;01.30.00;3\n");
  EXPECT_EQ(read.times("Date,Time").values, (Numbers{0, 91800}));
  EXPECT_EQ(read.times("Date, Time", {}, "%d/%m/%Y %H.%M.%S").values, (Numbers{0, 91800}));
  EXPECT_ERROR(read.times("Date,Hour"), DataError, "unknown column 'Hour'");
  EXPECT_ERROR(read.times("Time"), DataError,
               "'00.00.00' is a time of day without a date; name the column of dates, too: --time DATE,Time");
  EXPECT_ERROR(table("d,t\n13/03/2014,0:00\n14/03/2014,\n").times("d,t"), DataError,
               "line 3, column 't': the time is missing");
  EXPECT_ERROR(table("d,t\n20140303,130\n20140303,200\n").times("d,t"), DataError,
               "expected a time");  // 1:30, not 13:0
  EXPECT_EQ(table("y,m,d,h\n2010,1,1,0\n2010,1,1,5\n").times("y,m,d,h").values, (Numbers{0, 18000}));
}

TEST(CsvDates, FractionsOfSecondsAreKept) {
  const TimeColumn read = times({"13/03/2014 06:00:00.25", "13/03/2014 06:00:01"});
  EXPECT_EQ(read.values, (Numbers{0, 0.75}));
  EXPECT_EQ(time_cells({0, 60}, times({"2014-03", "2014-04"}).scale), (Words{"2014-03-01", "2014-04-30"}));
  EXPECT_EQ(time_cells({0, 61}, times({"2014-03", "2014-04"}).scale), (Words{"2014-03", "2014-05"}));
  EXPECT_EQ(time_cells({0.5}, read.scale), (Words{"13/03/2014 06:00:00.75"}));
  const std::vector<double> halves = {9.5, 10, 10.5};
  EXPECT_EQ(time_cells(halves, {"seconds", "2020-01-01", "%F %T"}),
            (Words{"2020-01-01 00:00:09.5", "2020-01-01 00:00:10.0", "2020-01-01 00:00:10.5"}));
  EXPECT_EQ(time_cells(halves, {"seconds", "2020-01-01"}),
            (Words{"2020-01-01T00:00:09.5Z", "2020-01-01T00:00:10.0Z", "2020-01-01T00:00:10.5Z"}));
  EXPECT_EQ(time_cells({0, 0.0001}, {"seconds", "2020-01-01", "%H.%M.%S %d/%m/%Y"}),
            (Words{"00.00.00.000000 01/01/2020", "00.00.00.000100 01/01/2020"}));
}

TEST(CsvDates, TimesLessThanAMicrosecondApartAreToldApart) {
  const TimeColumn read = times({"2024-03-30T00:00:00.000000001", "2024-03-30T00:00:00.000000002"});
  EXPECT_EQ(
      time_cells({0, 1e-9, 2.5e-7}, read.scale),
      (Words{"2024-03-30T00:00:00.000000001Z", "2024-03-30T00:00:00.000000002Z", "2024-03-30T00:00:00.000000251Z"}));
  EXPECT_EQ(time_cells({0, 1e-6, 3e-6}, {"seconds", "2024-01-01", "%F %T"}),
            (Words{"2024-01-01 00:00:00.000000", "2024-01-01 00:00:00.000001", "2024-01-01 00:00:00.000003"}));
  EXPECT_EQ(time_cells({0, 1.0 / 3}, {"seconds", "2024-01-01"}),
            (Words{"2024-01-01T00:00:00.000000Z", "2024-01-01T00:00:00.333333Z"}));
  EXPECT_EQ(time_cells({}, read.scale), Words{});
}

TEST(CsvDates, WhatAFormatCannotHoldComesOutInIso) {
  const TimeScale days{"days", "2024-01-01", "%d.%m.%Y"};
  EXPECT_EQ(time_cells({0, 1}, days), (Words{"01.01.2024", "02.01.2024"}));
  EXPECT_EQ(time_cells({0, 1.5}, days), (Words{"2024-01-01T00:00:00Z", "2024-01-02T12:00:00Z"}));
  EXPECT_EQ(time_cells({0, 30.5 * 2}, {"days", "2024-01-01", "%Y-%m"}), (Words{"2024-01-01", "2024-03-02"}));
  EXPECT_EQ(time_cells({0, 366}, {"days", "2024-01-01"}), (Words{"2024-01-01", "2025-01-01"}));
  EXPECT_EQ(time_cells({-0.5, 1e-7, 86400 * 1e3 + 0.1 + 0.2}, {"seconds", "2024-01-01"}),
            (Words{"2023-12-31T23:59:59.5Z", "2024-01-01T00:00:00.0Z", "2026-09-27T00:00:00.3Z"}));
  EXPECT_EQ(time_cells({0.1, 2}, {}), (Words{"0.1", "2"}));
  EXPECT_ERROR(time_cells({1e30}, days), DataError, "is no date");
}

TEST(CsvDates, ErrorsNameTheCellAndTheWayOut) {
  EXPECT_ERROR(times({"soon"}), DataError,
               "expected a time: a number or a date; got 'soon'. Give its form with --time-format");
  EXPECT_ERROR(times({"13/03/2014", "soon"}), DataError,
               "line 2, column 't': expected a date in the format '%d/%m/%Y' as on the lines before; got 'soon'");
  EXPECT_ERROR(times({"13/03/2014", "03/13/2014"}), DataError, "got '03/13/2014'");
  EXPECT_ERROR(times({"13.03.2014"}, {}, "%d/%m/%Y"), DataError,
               "expected a time in the format '%d/%m/%Y'; got '13.03.2014'. Mend the cell, or --time-format.");
  EXPECT_ERROR(times({"13/03/2014"}, {}, "%Q"), DataError, "expected a time in the format '%Q'");
  EXPECT_ERROR(times({"20140303", "20140304", "20140399"}), DataError,
               "line 3, column 't': expected a date in the format '%Y%m%d'");
  EXPECT_EQ(times({"20140303.5", "20140304"}).values, (Numbers{20140303.5, 20140304}));  // numbers after all
}

TEST(CsvDates, GarbageIsAlwaysATypedError) {
  for (const std::string time : {"13/03/2014 06.00.00", "Mar 3, 2014 6:00 PM"}) {
    test::expect_garbage_safe([](std::string_view bytes) { times({std::string(bytes)}); }, time);
    test::expect_garbage_safe([](std::string_view bytes) { times({"13/03/2014"}, {}, std::string(bytes)); },
                              "%d/%m/%Y %H.%M.%S %z");
  }
}

}  // namespace
}  // namespace costate

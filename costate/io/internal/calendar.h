// Dates and times of day in the forms that people write, and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "costate/io/internal/iso_time.h"

namespace costate::internal {

/// Reads all of `text` by a format of strptime, in which %q is the number of a quarter
/// and %L the last day of a month; nothing if it does not fit.
/// Years are of four digits (%Y) or two (%y).
std::optional<IsoTime> parse_by(const std::string& format, const std::string& text);

/// The formats that a date, or date-time, could be in: several if day and month could be exchanged. None for ISO 8601
/// with its zones, which parse_iso_time reads, and for plain numbers but compact dates.
std::vector<std::string> formats_of(const std::string& text);
/// Of dates that are numbers: 20240531, and to the hour, the minute or the second 20240531123000, the latter of years
/// from 1900 to 2099, lest seconds since 1970 pass for one.
std::vector<std::string> compact_formats_of(const std::string& text);

/// "%Y%m" if all cells are 194901 or the like, "%Y%j" if 1949001, both of years from 1500 to 2499: dates, or numbers
/// that happen to look so. "" if one is not.
std::string short_format_of(const std::vector<std::string>& cells);

/// Whether a cell is a date or a time of day in a form that is read without a format, but no number.
bool is_date_or_clock(const std::string& text);
/// A time of day alone: "12:30", "00.05.00".
bool is_clock(const std::string& text);

/// Digits that the fraction of the time's second needs, at most nine. Those of a column have as many in all cells.
std::size_t fraction_digits(const IsoTime& time);

/// The moment in a format of strftime, its second with so many digits behind the point: up to three, or six. Nothing if
/// it would not read back to the same, to a microsecond.
std::optional<std::string> format_by(const std::string& format, const IsoTime& time, std::size_t digits);

/// How many months a period of the format is for which its first day stands, or its last (%L): 1, 3, 12; 0 for other
/// formats.
int months_of_period(const std::string& format);
/// `format` of days that are all the first of a month, or the last: "%Y-%m-01" or "%Y-%m-%L" of "%Y-%m-%d"; itself if
/// it has no day, or they are neither. And back.
std::string of_one_day(const std::string& format, const std::vector<std::int64_t>& days);
std::string of_all_days(std::string format);
/// 7000 years: so far from a date, whose year has four digits, the calendar can count.
inline constexpr double kMostDays = 2.5e6;
/// The day that stands for the period so many months after that of `day`; nothing if `day` stands for none, or the
/// months are more than kMostDays.
std::optional<std::int64_t> period_after(const std::string& format, std::int64_t day, std::int64_t months);

/// "2024-05-31", or "2024-05-31T12:30:00.5Z" with one digit behind the point.
std::string format_iso_time(const IsoTime& time, bool with_time_of_day, std::size_t digits);

}  // namespace costate::internal

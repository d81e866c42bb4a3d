#include "costate/series/missing_codes.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "costate/base/text.h"

namespace costate {
namespace {

constexpr std::size_t kFewestOthers = 10;  // different ones

bool is_end_of_integers(double size) {
  for (const double end : {127.0, 128.0, 255.0, 32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0, 4294967295.0})
    if (size == end) return true;
  return false;
}

bool is_power_of_ten(double size) {
  return size >= 1e5 && std::abs(std::log10(size) - std::round(std::log10(size))) < 1e-9;
}

/// 99, 999.9, 9999: at least two nines, and nothing else.
bool is_of_nines(double size) {
  std::string digits = text::concat(size);
  std::erase(digits, '.');
  return digits.size() >= 2 && digits.find_first_not_of('9') == std::string::npos;
}

bool looks_like_code(double value) {
  const double size = std::abs(value);
  return is_of_nines(size) || is_end_of_integers(size) || is_power_of_ten(size);
}

/// `cells` are sorted; the candidate is all of them that equal the lowest or the highest.
std::optional<MissingCode> code_at_end(const std::vector<double>& cells, double value) {
  const auto [begin, end] = std::ranges::equal_range(cells, value);
  const auto count = static_cast<std::size_t>(end - begin);
  const bool is_lowest = begin == cells.begin();
  const std::vector<double> others(is_lowest ? end : cells.begin(), is_lowest ? cells.end() : begin);
  if (others.empty() || value == 0) return {};
  const MissingCode code{value, count, others.front(), others.back()};
  const double range = code.high - code.low;
  const double gap = is_lowest ? code.low - value : value - code.high;
  const bool is_negative = is_lowest && value < 0 && std::floor(value) == value;
  const bool is_repeated = count >= (looks_like_code(value) ? 2 : 3);
  std::size_t different = 1;
  for (std::size_t i = 1; i < others.size(); ++i) different += others[i] != others[i - 1];
  if (!(looks_like_code(value) || is_negative) || !is_repeated || !(gap > range) || different < kFewestOthers)
    return {};
  return code;
}

}  // namespace

std::optional<MissingCode> find_missing_code(std::vector<double> cells) {
  std::erase_if(cells, [](double cell) { return std::isnan(cell); });
  if (cells.size() < kFewestOthers) return {};
  std::ranges::sort(cells);
  const std::optional<MissingCode> lowest = code_at_end(cells, cells.front()),
                                   highest = code_at_end(cells, cells.back());
  return lowest ? lowest : highest;
}

}  // namespace costate

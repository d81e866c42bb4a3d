#include "costate/series/internal/missing_codes.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string>

#include "costate/base/text.h"

namespace costate {
namespace {

constexpr std::size_t kFewestOthers = 10;  // different ones
constexpr std::size_t kMostCodes = 4;

bool is_end_of_integers(double size) {
  for (const double end : {127.0, 128.0, 255.0, 32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0, 4294967295.0})
    if (size == end) return true;
  return false;
}

bool is_huge_or_power_of_ten(double size) {
  return size >= 1e30 || (size >= 1e5 && std::abs(std::log10(size) - std::round(std::log10(size))) < 1e-9);
}

/// 99, 999.9, 9999, and 777, 8888.
bool is_of_one_digit(double size) {
  std::string digits = text::concat(size);
  std::erase(digits, '.');
  const std::size_t fewest = digits[0] == '9' ? 2 : 3;
  return digits.size() >= fewest && digits[0] >= '7' && digits.find_first_not_of(digits[0]) == std::string::npos;
}

bool looks_like_code(double value) {
  const double size = std::abs(value);
  return is_of_one_digit(size) || is_end_of_integers(size) || is_huge_or_power_of_ten(size);
}

/// A number that may be a code by itself, if it is as far out as one: the lowest or the highest of sorted cells.
std::optional<MissingCode> candidate(std::span<const double> cells, double value) {
  const auto [begin, end] = std::ranges::equal_range(cells, value);
  const auto count = static_cast<std::size_t>(end - begin);
  const bool is_negative = value < 0 && std::floor(value) == value && value == cells.front();
  const bool is_repeated = count >= (looks_like_code(value) ? 2 : 3);
  if (value == 0 || !is_repeated || !(looks_like_code(value) || is_negative)) return {};
  return MissingCode{.value = value, .count = count};
}

std::size_t count_different(std::span<const double> cells) {
  std::size_t different = cells.empty() ? 0 : 1;
  for (std::size_t i = 1; i < cells.size(); ++i) different += cells[i] != cells[i - 1];
  return different;
}

}  // namespace

std::vector<MissingCode> find_missing_codes(std::vector<double> cells) {
  std::erase_if(cells, [](double cell) { return std::isnan(cell); });
  std::ranges::sort(cells);
  std::span<const double> others = cells;
  std::vector<MissingCode> candidates;
  // From both ends inwards, as there may be several.
  while (candidates.size() < kMostCodes && others.size() >= kFewestOthers) {
    std::optional<MissingCode> found = candidate(others, others.front());
    if (found) {
      others = others.subspan(found->count);
    } else if ((found = candidate(others, others.back()))) {
      others = others.first(others.size() - found->count);
    } else {
      break;
    }
    candidates.push_back(*found);
  }
  if (count_different(others) < kFewestOthers) return {};
  const double low = others.front(), high = others.back();
  std::erase_if(candidates, [&](MissingCode& code) {
    code.low = low;
    code.high = high;
    return !(std::max(low - code.value, code.value - high) > high - low);
  });
  return candidates;
}

}  // namespace costate

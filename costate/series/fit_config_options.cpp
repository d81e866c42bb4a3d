#include "costate/series/fit_config_options.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "costate/base/error.h"
#include "costate/series/internal/fit_option_rows.h"

namespace costate {
namespace {

bool allows_number(const FitConfigOption& option, double number, bool is_alone) {
  const bool is_choice = is_alone && option.chooses && number == static_cast<double>(*option.chooses);
  if (is_choice) return true;
  if (option.kind == OptionKind::kNumber || option.kind == OptionKind::kNumbers)
    return number > 0 && std::isfinite(number);
  if (option.kind == OptionKind::kShare) return number >= 0 && number < 1;
  const bool is_within = number >= static_cast<double>(option.low) && number <= static_cast<double>(option.high);
  return std::floor(number) == number && is_within;
}

/// The numbers of a value; none of texts.
std::vector<double> numbers_of(const OptionValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return {*number};
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return {static_cast<double>(*integer)};
  if (const auto* numbers = std::get_if<std::vector<double>>(&value)) return *numbers;
  return {};
}

}  // namespace

std::string typed(const OptionValue& value) {
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) {
    std::vector<std::string> parts;
    for (const std::string& name : *names)
      parts.push_back(name.find(',') == std::string::npos ? name : text::concat("\"", name, "\""));
    return text::join(parts, ",");
  }
  return std::visit(
      [](const auto& x) {
        using X = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<X, std::string> || std::is_arithmetic_v<X>)
          return text::concat(x);
        else
          return text::join(x, ",");
      },
      value);
}

std::string FitConfigOption::rule() const {
  const bool is_unbounded = high >= 1'000'000'000;
  const std::string range =
      is_unbounded ? text::concat("of at least ", low) : text::concat("between ", low, " and ", high);
  switch (kind) {
    case OptionKind::kText:
      return "a name";
    case OptionKind::kNames:
      return low > 0 ? "at least one name" : "names";
    case OptionKind::kInteger:
      return text::concat("a whole number ", range, chooses ? text::concat(", or ", *chooses, ", which chooses") : "");
    case OptionKind::kNumber:
      return "a positive, finite number";
    case OptionKind::kShare:
      return "at least 0 and below 1 (below 100 %)";
    case OptionKind::kNumbers:
      return "numbers";
    case OptionKind::kIntegers:
      return text::concat("whole numbers ", range);
    case OptionKind::kChoice:
      return "a known name";
  }
  throw InternalError("[fit] no such kind of option.");
}

bool FitConfigOption::allows(const OptionValue& value) const {
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) return low == 0 || !names->empty();
  const std::vector<double> numbers = numbers_of(value);
  return std::ranges::all_of(numbers, [&](double number) { return allows_number(*this, number, numbers.size() == 1); });
}

std::string FitConfigOption::rule_of(const OptionValue& value) const {
  const bool is_whole = kind == OptionKind::kInteger || kind == OptionKind::kIntegers;
  const bool is_above = is_whole && std::ranges::any_of(numbers_of(value), [&](double number) {
                          return number > static_cast<double>(high);
                        });
  return is_above ? text::concat("at most ", high) : rule();
}

void FitConfigOption::check(const OptionValue& value) const {
  if (!allows(value)) throw InvalidArgument("[fit] ", key, " must be ", rule_of(value), "; got ", typed(value), ".");
}

std::string FitConfigOption::default_text() const {
  if (!shown_default.empty()) return shown_default;
  const OptionValue value = access.get(FitConfig{});
  const bool is_unset = kind == OptionKind::kNumber && chooses && value == OptionValue(0.0);
  return is_unset ? "" : typed(value);
}

const std::vector<FitConfigOption>& fit_config_options() {
  static const std::vector<FitConfigOption> options = [] {
    using namespace internal;
    std::vector<FitConfigOption> all;
    for (std::vector<FitConfigOption>& part :
         std::vector{column_options(), part_options(), layout_options(), model_options(), solver_options(),
                     training_options(), run_options()})
      for (FitConfigOption& option : part) all.push_back(std::move(option));
    return all;
  }();
  return options;
}

}  // namespace costate

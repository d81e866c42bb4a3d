#include "python/bindings/keywords.h"

#include <algorithm>
#include <regex>

#include "costate/series/fit_config_options.h"

namespace costate::python {
namespace {

/// The keyword of a flag, which is its name where the two agree.
std::string keyword_of(const std::string& flag) {
  for (const FitConfigOption& option : fit_config_options())
    if (option.flag == flag) return option.key;
  if (flag == "--from") return "starts";  // a word of Python's own
  std::string name = flag.substr(2);
  std::ranges::replace(name, '-', '_');
  return name;
}

/// Python's or NumPy's True or False.
bool is_bool(nb::handle value) {
  return nb::isinstance<nb::bool_>(value) || type_of(value) == "numpy.bool" || type_of(value) == "numpy.bool_";
}

bool is_number(nb::handle value) {
  return nb::isinstance<nb::float_>(value) || (PyIndex_Check(value.ptr()) && !is_bool(value));
}

/// A name, or the number that is one.
std::string one_name(nb::handle value) {
  if (!nb::isinstance<nb::str>(value) && !is_number(value)) throw nb::next_overload();
  return nb::cast<std::string>(nb::str(value));
}

/// Names, or one alone; a number is a name, too: a code for missing cells, a period, a column by its number.
std::vector<std::string> names_of(nb::handle value) {
  std::vector<std::string> names;
  const bool is_one = nb::isinstance<nb::str>(value) || is_number(value);
  const nb::object all = is_one ? nb::object(nb::make_tuple(value)) : nb::object(argument_as<nb::sequence>(value));
  for (const nb::handle name : all) names.push_back(one_name(name));
  return names;
}

}  // namespace

void refuse_mask(nb::handle value) {
  if (!nb::isinstance<nb::sequence>(value)) return;
  for (const nb::handle item : value)
    if (is_bool(item)) throw nb::next_overload();
}

std::string with_keywords(const std::string& text) {
  static const std::regex flags(
      R"((--[a-z][a-z-]*)( (?=[A-Z'"0-9]|-[0-9]|(?:auto|none|hold|repeat|day|week|year)\b))?)");
  std::string made;
  auto end = text.begin();
  for (std::sregex_iterator match(text.begin(), text.end(), flags); match != std::sregex_iterator(); ++match) {
    made.append(end, (*match)[0].first);
    made += keyword_of((*match)[1]) + ((*match)[2].matched ? "=" : "");
    end = (*match)[0].second;
  }
  return made.append(end, text.end());
}

nb::object to_python(const OptionValue& value, OptionKind kind) {
  if (kind == OptionKind::kIntegers) {
    const auto& numbers = std::get<std::vector<double>>(value);
    return nb::cast(std::vector<std::int64_t>(numbers.begin(), numbers.end()));
  }
  return std::visit([](const auto& x) { return nb::cast(x); }, value);
}

OptionValue from_python(nb::handle value, OptionKind kind) {
  switch (kind) {
    case OptionKind::kInteger:
      return argument_as<std::int64_t>(value);
    case OptionKind::kNumber:
    case OptionKind::kShare:
      return argument_as<double>(value);
    case OptionKind::kIntegers: {
      const auto numbers = argument_as<std::vector<std::int64_t>>(value);
      return std::vector<double>(numbers.begin(), numbers.end());
    }
    case OptionKind::kNumbers:
      return argument_as<std::vector<double>>(value);
    case OptionKind::kNames:
      return names_of(value);
    case OptionKind::kText:  // mostly the name of a column
      return one_name(value);
    case OptionKind::kChoice:
      return argument_as<std::string>(value);
  }
  throw nb::next_overload();
}

const char* annotation_of(OptionKind kind) {
  switch (kind) {
    case OptionKind::kInteger:
      return "int";
    case OptionKind::kNumber:
    case OptionKind::kShare:
      return "float";
    case OptionKind::kIntegers:
      return "collections.abc.Sequence[int]";
    case OptionKind::kNumbers:
      return "collections.abc.Sequence[float]";
    case OptionKind::kNames:
      return "float | str | collections.abc.Sequence[float | str]";
    case OptionKind::kText:
      return "float | str";
    case OptionKind::kChoice:
      return "str";
  }
  return "object";
}

}  // namespace costate::python

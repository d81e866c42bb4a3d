#include "python/bindings/keywords.h"

namespace costate::python {

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
      return argument_as<std::vector<std::string>>(value);
    case OptionKind::kText:
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
      return "collections.abc.Sequence[str]";
    case OptionKind::kText:
    case OptionKind::kChoice:
      return "str";
  }
  return "object";
}

}  // namespace costate::python

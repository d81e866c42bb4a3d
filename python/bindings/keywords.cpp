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
  const auto cast = [&](auto x) {
    if (!nb::try_cast(value, x)) throw nb::next_overload();
    return x;
  };
  switch (kind) {
    case OptionKind::kInteger:
      return cast(std::int64_t{});
    case OptionKind::kNumber:
    case OptionKind::kShare:
      return cast(double{});
    case OptionKind::kIntegers: {
      const auto numbers = cast(std::vector<std::int64_t>());
      return std::vector<double>(numbers.begin(), numbers.end());
    }
    case OptionKind::kNumbers:
      return cast(std::vector<double>());
    case OptionKind::kNames:
      return cast(std::vector<std::string>());
    case OptionKind::kText:
    case OptionKind::kChoice:
      return cast(std::string());
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

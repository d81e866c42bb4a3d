// The options of a solve as keywords.
#include <algorithm>

#include "costate/base/error.h"
#include "costate/graph/trace.h"
#include "costate/solve/options.h"
#include "python/bindings/bindings.h"
#include "python/bindings/fields.h"

namespace costate::python {
namespace {

/// rtol and atol may be lists, as in SciPy: then they are rtols and atols.
void takes_list_too(Keywords<SolveOptions>& keywords, const std::string& name,
                    std::vector<double> SolveOptions::*list) {
  Keyword<SolveOptions>& keyword = *std::ranges::find_if(keywords, [&](const auto& one) { return one.name == name; });
  const auto set_list = [name, list](SolveOptions& options, nb::handle value) {
    if (!(options.*list).empty())
      throw InvalidArgument("[solve] both ", name, " and ", name, "s are lists; leave one out.");
    options.*list = argument_as<std::vector<double>>(value);
  };
  keyword.annotation = "float | collections.abc.Sequence[float]";
  keyword.set = [set_number = keyword.set, set_list](SolveOptions& options, nb::handle value) {
    if (double number = 0; nb::try_cast(value, number)) return set_number(options, value);
    set_list(options, value);
  };
  std::ranges::find_if(keywords, [&](const auto& one) { return one.name == name + "s"; })->set = set_list;
}

/// mass_matrix may be a matrix, too.
void takes_matrix(Keywords<SolveOptions>& keywords) {
  Keyword<SolveOptions>& keyword =
      *std::ranges::find_if(keywords, [](const auto& one) { return one.name == "mass_matrix"; });
  keyword.annotation = "object";
  keyword.set = [](SolveOptions& options, nb::handle value) {
    const HostArray numbers = to_host(value).astype(Dtype::kF64);
    const Shape& shape = numbers.shape();
    const bool is_square = shape.rank() == 2 && shape[0] == shape[1];
    if (shape.rank() != 1 && !is_square)
      throw ShapeError("[solve] mass_matrix must be a square matrix, or its numbers row by row; got shape ", shape,
                       ".");
    options.mass_matrix.clear();
    for (std::int64_t i = 0; i < numbers.size(); ++i) options.mass_matrix.push_back(numbers.at(i));
  };
}

}  // namespace

Keywords<SolveOptions> solve_keywords() {
  Keywords<SolveOptions> keywords;
  for (const SolveOption& option : solve_options())
    keywords.push_back(of_table(option.name, option.kind, option.access));
  takes_list_too(keywords, "rtol", &SolveOptions::rtols);
  takes_list_too(keywords, "atol", &SolveOptions::atols);
  takes_matrix(keywords);
  return keywords;
}

Function to_norm(const nb::object& norm, std::int64_t state_size) {
  if (norm.is_none()) return {};
  return trace([&](Array errors) { return to_array(norm(errors)); }, {{"errors", {state_size}}});
}

}  // namespace costate::python

// Keyword options of a call, from the library's tables of options.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "costate/base/option_value.h"
#include "python/bindings/bindings.h"

namespace costate::python {

template <class Options>
struct Keyword {
  std::string name;
  OptionKind kind;
  OptionAccess<Options> access;
};

nb::object to_python(const OptionValue& value, OptionKind kind);
/// nb::next_overload, which becomes a sentence of _calls.py, if the value has another type.
OptionValue from_python(nb::handle value, OptionKind kind);
/// The annotation of _calls.py.
const char* annotation_of(OptionKind kind);

/// The options that keywords give; those that are not given have their defaults.
template <class Options>
Options from_keywords(const std::vector<Keyword<Options>>& keywords, const nb::kwargs& given) {
  Options options;
  for (const auto& [key, value] : given) {
    const auto name = nb::cast<std::string>(key);
    const auto at = std::ranges::find(keywords, name, &Keyword<Options>::name);
    if (at == keywords.end()) throw nb::next_overload();
    at->access.set(options, from_python(value, at->kind));
  }
  return options;
}

/// Name, annotation and default of each keyword: the rest of the signature that _calls.py gives the function.
template <class Options>
nb::list signature_of(const std::vector<Keyword<Options>>& keywords) {
  nb::list rows;
  for (const Keyword<Options>& keyword : keywords)
    rows.append(nb::make_tuple(keyword.name, annotation_of(keyword.kind),
                               to_python(keyword.access.get(Options{}), keyword.kind)));
  return rows;
}

}  // namespace costate::python

// Keywords that functions and layers of images share: pairs of rows and columns, and the options of a convolution.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "costate/graph/per_axis.h"
#include "python/bindings/keywords.h"

namespace costate {
struct ConvOptions;
struct SeriesConvOptions;
}  // namespace costate

namespace costate::python {

/// An integer for both, or two of them. nb::next_overload if it is something else.
inline PerAxis to_pair(nb::handle value) {
  std::int64_t both = 0;
  if (nb::try_cast(value, both)) return both;
  const auto each = argument_as<std::vector<std::int64_t>>(value);
  if (each.size() != 2) throw nb::next_overload();
  return {each[0], each[1]};
}

/// The integer of both, or a tuple.
inline nb::object from_pair(const PerAxis& pair) {
  return pair[0] == pair[1] ? nb::cast(pair[0]) : nb::object(nb::make_tuple(pair[0], pair[1]));
}

template <class Options>
Keyword<Options> pair(std::string name, PerAxis Options::*member, KeywordRole role = KeywordRole::kOption) {
  return {.name = std::move(name),
          .annotation = "int | tuple[int, int]",
          .get = [member](const Options& options) { return from_pair(options.*member); },
          .set = [member](Options& options, nb::handle value) { options.*member = to_pair(value); },
          .role = role};
}

/// stride, padding, dilation and groups.
Keywords<ConvOptions> conv_keywords();
Keywords<SeriesConvOptions> series_conv_keywords();

}  // namespace costate::python

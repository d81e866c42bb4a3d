// The keywords of training, which train, fit_trajectories and fit_classifier share.
#pragma once

#include "costate/train/loop.h"
#include "python/bindings/keywords.h"

namespace costate::python {

Keywords<TrainOptions> train_keywords();

/// What they mean, a line or two each.
extern const char* const kTrainOptionHelp;

/// The precision in which a fit computes.
template <class Options>
Keyword<Options> dtype_keyword() {
  return {.name = "dtype",
          .annotation = "object",
          .get = [](const Options& options) { return nb::cast(name(options.dtype)); },
          .set = [](Options& options, nb::handle value) { options.dtype = to_dtype(value); }};
}

/// nb::next_overload for what is neither a callable nor None.
void check_callback(nb::handle value);

}  // namespace costate::python

// What a model of a time series is, apart from how it is trained.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/io/series.h"
#include "costate/nn/activations.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/solve.h"

namespace costate {

/// States that no column measures: what of a system's past its measured states do not tell.
struct Memory {
  std::int64_t states = kChosen;

  static constexpr std::int64_t kChosen = -1;  // by the fit

  bool is_chosen() const { return states == kChosen; }
  bool operator==(const Memory&) const = default;
};

/// "auto", "none", "2". The way back throws InvalidArgument for anything else and for more than 16.
std::string name(const Memory& memory);
Memory memory_from_name(const std::string& name);

/// How a state that was estimated over a long context is moved once more, to fit the last samples: a model's own errors
/// grow along the context, and what a dissipative system forgets no start of it can mend.
struct Correction {
  std::int64_t samples = 0;  // the last ones; 0: it is not
  double weight = 1;  // of the squared distance from the estimate, in normalized units; small: samples are trusted

  bool operator==(const Correction&) const = default;
};

struct SeriesModelOptions {
  SeriesColumns columns = {};
  int delay = 0;  // delayed copies of the states that join the state (time-delay embedding)
  int lag = 1;    // samples from one copy to the next
  Memory memory = {};
  std::vector<std::int64_t> hidden = {0};  // widths of the hidden layers; 0: chosen by the fit; none: a linear ODE
  Activation activation = Activation::kTanh;
  Interpolation interpolation = Interpolation::kLinear;
  std::vector<double> periods = {};  // of clocks that the field sees, in the data's unit of time
  /// States that may lack a value at a trajectory's first sample: their start there is learned, too.
  std::vector<std::string> unmeasured_starts = {};
  /// Samples before a forecast from which its start is estimated: the window of the training.
  std::int64_t context = 1;
  Correction correction = {};
  SolveOptions solve = {.rtol = 1e-4, .atol = 1e-5, .max_steps = 10'000};
};

}  // namespace costate

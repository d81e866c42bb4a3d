// Everything that a fit depends on, and its TOML. Two fits with equal configs and equal data give equal bits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/io/series.h"
#include "costate/io/toml.h"
#include "costate/nn/activations.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/solve.h"
#include "costate/train/losses.h"
#include "costate/train/optimizers.h"

namespace costate {

struct FitConfig {
  // data
  std::string data = {};         // path of the CSV file
  std::string data_digest = {};  // of its bytes; filled in by the fit
  SeriesColumns columns = {};
  int delay = 0;          // delayed copies of the states that join the state (time-delay embedding)
  double hold_out = 0.2;  // share that is not trained on: the end of one trajectory, the last ones of several
  // model
  std::vector<std::int64_t> hidden = {64, 64};
  Activation activation = Activation::kTanh;
  Interpolation interpolation = Interpolation::kLinear;
  // solver
  Method method = Method::kDopri5;
  double rtol = 1e-5;
  double atol = 1e-6;
  Adjoint adjoint = Adjoint::kDiscrete;
  // training
  Loss loss = Loss::kMse;
  std::int64_t window = 0;         // samples of a window; 0: half a trajectory, 5 to 50
  std::int64_t max_windows = 512;  // that are trained on, spread over the data
  OptimizerKind optimizer = OptimizerKind::kAdam;
  double learning_rate = 1e-2;
  std::int64_t epochs = 500;
  std::int64_t polish = 500;  // further epochs of L-BFGS
  std::int64_t batch = 0;     // windows a step; 0: 64, or all if there are fewer
  std::uint64_t seed = 0;

  /// InvalidArgument for what no fit can do, naming the key and the value.
  void check() const;
  Config to_config() const;
  SolveOptions solve_options() const;
};

/// The other way round. DataError for unknown keys, wrong types and a format of another version.
FitConfig fit_config_from(const Config& config);

/// "'epochs = 500' and 'epochs = 100'": the first line in which the two differ as TOML, or "" if none does.
std::string first_difference(const FitConfig& left, const FitConfig& right);

}  // namespace costate

// Models of spirals, trained and asked for whole batches.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/data/spirals.h"
#include "costate/models/latent_ode.h"

namespace costate::experiments {

struct Training {
  std::int64_t epochs = 1000;
  double learning_rate = 0.01;  // falls to 1 % of it on half a cosine
  double noise = 0.1;           // sd of an observation, which the likelihood is given
  std::uint64_t seed = 0;
};

/// What training gave: the loss an epoch, and how long it took.
struct Trained {
  std::vector<double> losses;
  double seconds = 0;
};

Trained fit(const LatentOde& model, const Spirals& spirals, const Training& training);
Trained fit(const GapRnn& model, const Spirals& spirals, const Training& training);

/// Predictions of a latent ODE from the mean of z_1.
struct Paths {
  HostArray latent;  // [sample, time, latent]
  HostArray points;  // [sample, time, 2]
};

/// At times [sample, time], all behind or, descending, all before the sample's first observation.
Paths predict(const LatentOde& model, const Spirals& spirals, const HostArray& times);
/// [sample, time, 2], at times [sample, time] behind the last observation.
HostArray forecast(const GapRnn& model, const Spirals& spirals, const HostArray& times);

}  // namespace costate::experiments

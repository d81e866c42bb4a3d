// Latent ODEs, and the recurrent net that they are held against, on many irregular series at once: trained, and asked
// for what lies between, behind and before the observations.
#pragma once

#include "costate/array/host_array.h"
#include "costate/models/latent_ode.h"
#include "costate/train/loop.h"

namespace costate {

/// Series of as many observations each, at ascending times of their own.
struct IrregularSeries {
  HostArray times;  // [series, time]
  HostArray x;      // [series, time, observed]
};

struct LatentFitOptions {
  double deviation = 0.1;   // of an observation, which the likelihood is given
  TrainOptions train = {};  // its seed is that of the noise, too
  Dtype dtype = Dtype::kF64;
};

/// Trains on the mean LatentOde::loss, with fresh noise in each step. ShapeError for arrays of other shapes, and throws
/// as train.
TrainResult fit(const LatentOde& model, const IrregularSeries& seen, const LatentFitOptions& options);
/// The same on the mean GapRnn::negative_log_likelihood.
TrainResult fit(const GapRnn& model, const IrregularSeries& seen, const LatentFitOptions& options);

struct LatentPaths {
  HostArray latent;  // [series, time, latent]
  HostArray x;       // [series, time, observed]
};

/// Predictions from the mean of z_1, at times [series, time]: all behind or, descending, all before a series's first
/// observation.
LatentPaths predict(const LatentOde& model, const IrregularSeries& seen, const HostArray& times);
/// [series, time, observed], at times [series, time] behind the last observation.
HostArray forecast(const GapRnn& model, const IrregularSeries& seen, const HostArray& times);

}  // namespace costate

// Time-delay embedding (Takens 1981): the state and its k delayed copies as one state, from which the hidden rest of a
// system can be told. Chen et al. 2022 (Nature Communications 13, 1016, eq. 4) forecast spintronic devices with it.
#pragma once

#include "costate/array/time_series.h"

namespace costate {

/// Each state x followed by x_lag1 … x_lag<delay>, its values 1 … delay samples earlier; the first `delay` samples of
/// each trajectory go. DataError if times are not evenly spaced (to 1 % of the spacing) or a trajectory has fewer than
/// delay + 2 samples.
TimeSeries embed_delays(const TimeSeries& series, int delay);

}  // namespace costate

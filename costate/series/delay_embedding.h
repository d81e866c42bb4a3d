// Time-delay embedding (Takens 1981): the state and its k delayed copies as one state, from which the hidden rest of a
// system can be told. Chen et al. 2022 (Nature Communications 13, 1016, eq. 4) forecast spintronic devices with it.
#pragma once

#include "costate/array/time_series.h"

namespace costate {

/// Copies of a state that join it, each `lag` samples earlier than the one before.
struct Delays {
  int copies = 0;
  int lag = 1;
};

/// Each state x followed by x_lag3, x_lag6, … (with a lag of 3): its values so many samples earlier. The first
/// copies * lag samples of each trajectory go. InvalidArgument for a negative number of copies or a lag below 1;
/// DataError if times are not evenly spaced (to 1 % of the spacing) or fewer than two samples of a trajectory are left.
TimeSeries embed_delays(const TimeSeries& series, const Delays& delays);

}  // namespace costate

// The part of a series that a text names, to be held out.
#pragma once

#include <string>

#include "costate/series/split.h"

namespace costate {

/// The trajectories, or the time from which on all samples are held out, that `part` names: "subject=11,12", where
/// subject is the trajectory column or one of its columns, or "11,12"; "2014-03-15" or "t=40". What can be either is
/// trajectories. A share is "20%" or "0.2"; another bare number, which may be meant for either, is none.
///
/// Throws: InvalidArgument if it is neither, DataError as hold_out_trajectories and hold_out_from.
Split hold_out_part(const TimeSeries& series, const std::string& part);

}  // namespace costate

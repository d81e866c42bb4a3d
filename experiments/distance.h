// How far what was found is from the truth, relative to the truth.
#pragma once

#include <span>

namespace costate::experiments {

/// The root mean square difference over the truth's root mean square; both of one length.
double relative_distance(std::span<const double> found, std::span<const double> truth);

/// The largest difference over the largest number of the truth, of which only as many as were found are looked at;
/// infinite where something found is not finite.
double largest_relative_difference(std::span<const double> found, std::span<const double> truth);

}  // namespace costate::experiments

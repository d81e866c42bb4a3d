// The spectrum of a series.
#pragma once

#include <span>
#include <vector>

namespace costate {

/// The power of an evenly sampled series, less its mean and under a Hann window, at frequencies in 1/sample: 1/n times
/// the squared size of its Fourier sum over n samples.
std::vector<double> periodogram(std::span<const double> series, std::span<const double> frequencies);

}  // namespace costate

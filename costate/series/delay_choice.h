// How many delayed copies of a measured number make a state, and how far apart: the two classical answers.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace costate {

/// Mutual information, in nats, of x(t) and x(t + lag samples) for lag = 0 … most_lag (Fraser and Swinney 1986), from a
/// histogram of equally filled bins. InvalidArgument if the series is shorter than 10 samples beyond the largest lag.
std::vector<double> mutual_information(std::span<const double> series, std::size_t most_lag);

/// The first lag at which the mutual information has a minimum; the last one if there is none.
std::size_t first_minimum(std::span<const double> mutual_information);

/// Share of false nearest neighbours in embeddings of dimension 1 … most_dimension at the given lag (Kennel, Brown and
/// Abarbanel 1992, eq. 4 and 5, with their R_tol = 15 and A_tol = 2): neighbours that part when one more copy is looked
/// at, because they were not neighbours but projections. InvalidArgument if the series is too short to tell.
std::vector<double> false_neighbours(std::span<const double> series, std::size_t lag, std::size_t most_dimension);

/// The first dimension with a share of false neighbours below `threshold`; the last one if there is none.
std::size_t embedding_dimension(std::span<const double> false_neighbours, double threshold = 0.01);

}  // namespace costate

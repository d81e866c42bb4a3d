#include "costate/series/delay_choice.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "costate/base/error.h"

namespace costate {
namespace {

constexpr std::size_t kFewest = 10;

/// The bin of each sample: equally many samples in each.
std::vector<std::size_t> equal_bins(std::span<const double> series, std::size_t bins) {
  std::vector<std::size_t> order(series.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return series[a] < series[b]; });
  std::vector<std::size_t> bin(series.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) bin[order[rank]] = rank * bins / order.size();
  return bin;
}

double deviation(std::span<const double> series) {
  const double mean = std::accumulate(series.begin(), series.end(), 0.0) / static_cast<double>(series.size());
  double squares = 0;
  for (const double x : series) squares += (x - mean) * (x - mean);
  return std::sqrt(squares / static_cast<double>(series.size()));
}

}  // namespace

std::vector<double> mutual_information(std::span<const double> series, std::size_t most_lag) {
  if (series.size() < most_lag + kFewest)
    throw InvalidArgument("[mutual_information] lags up to ", most_lag, " need at least ", most_lag + kFewest,
                          " samples; got ", series.size(), ".");
  // Bins that hold about ten pairs each, but no more than what shows the shape.
  const auto bins =
      std::clamp<std::size_t>(static_cast<std::size_t>(std::sqrt(static_cast<double>(series.size()) / 10)), 4, 32);
  const std::vector<std::size_t> bin = equal_bins(series, bins);
  std::vector<double> information;
  for (std::size_t lag = 0; lag <= most_lag; ++lag) {
    const std::size_t pairs = series.size() - lag;
    std::vector<double> both(bins * bins), left(bins), right(bins);
    for (std::size_t i = 0; i < pairs; ++i) {
      both[bin[i] * bins + bin[i + lag]] += 1;
      left[bin[i]] += 1;
      right[bin[i + lag]] += 1;
    }
    double sum = 0;
    const auto count = static_cast<double>(pairs);
    for (std::size_t i = 0; i < bins; ++i)
      for (std::size_t j = 0; j < bins; ++j)
        if (both[i * bins + j] > 0)
          sum += both[i * bins + j] / count * std::log(both[i * bins + j] * count / (left[i] * right[j]));
    information.push_back(sum);
  }
  return information;
}

std::size_t first_minimum(std::span<const double> information) {
  for (std::size_t lag = 1; lag + 1 < information.size(); ++lag)
    if (information[lag] <= information[lag - 1] && information[lag] < information[lag + 1]) return lag;
  return information.empty() ? 0 : information.size() - 1;
}

std::vector<double> false_neighbours(std::span<const double> series, std::size_t lag, std::size_t most_dimension) {
  constexpr double kDistanceRatio = 15, kAttractorRatio = 2;
  if (lag < 1 || most_dimension < 1 || series.size() < most_dimension * lag + kFewest)
    throw InvalidArgument("[false_neighbours] ", most_dimension, " dimensions at lag ", lag, " need at least ",
                          most_dimension * lag + kFewest, " samples and a lag of at least 1; got ", series.size(),
                          " samples.");
  const std::size_t points = series.size() - most_dimension * lag;
  const double size = deviation(series);
  std::vector<double> shares;
  std::vector<double> squares(points * points, 0.0);
  for (std::size_t dimension = 1; dimension <= most_dimension; ++dimension) {
    std::size_t wrong = 0, judged = 0;
    for (std::size_t i = 0; i < points; ++i) {
      std::size_t nearest = i;
      double least = HUGE_VAL;
      for (std::size_t j = 0; j < points; ++j) {
        const double apart = series[i + (dimension - 1) * lag] - series[j + (dimension - 1) * lag];
        double& distance = squares[i * points + j];
        distance += apart * apart;
        // Neighbours in time are near for another reason.
        if (distance < least && (i > j ? i - j : j - i) > lag) {
          least = distance;
          nearest = j;
        }
      }
      if (nearest == i || least == 0) continue;
      const double further = std::abs(series[i + dimension * lag] - series[nearest + dimension * lag]);
      ++judged;
      if (further > kDistanceRatio * std::sqrt(least) || std::sqrt(least + further * further) > kAttractorRatio * size)
        ++wrong;
    }
    shares.push_back(judged == 0 ? 0.0 : static_cast<double>(wrong) / static_cast<double>(judged));
  }
  return shares;
}

std::size_t embedding_dimension(std::span<const double> shares, double threshold) {
  for (std::size_t i = 0; i < shares.size(); ++i)
    if (shares[i] < threshold) return i + 1;
  return shares.size();
}

}  // namespace costate

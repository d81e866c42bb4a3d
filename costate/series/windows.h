// Time series cut into windows for multiple shooting: many short solves, each from its own start, train where one long
// solve would get lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/base/random.h"

namespace costate {

/// How many a model is trained on at most, spread over the data, unless a fit or a config says otherwise.
inline constexpr std::int64_t kMostWindows = 512;

/// Samples [first, first + count) of a trajectory.
struct Window {
  std::size_t trajectory = 0;
  std::size_t first = 0;
  std::size_t count = 0;
};

/// What of a range of samples lies between gaps: steps of more than 100 times `time_unit` (see Normalization) and 50
/// times the steps before and after. No solve finds its way over as much.
std::vector<Window> between_gaps(const TimeSeries& series, const Window& range, double time_unit);

/// The longest time from one sample to the next that is no such gap; 0 if there is none.
double longest_interval(const TimeSeries& series, double time_unit);

/// How many samples up to `last`, it among them, lie behind the last such gap.
std::size_t count_since_gap(const std::vector<double>& times, std::size_t last, double time_unit);

/// Windows of at most `length` samples over stretches, each half over the next; the last one of a stretch reaches to
/// its end. A single sample is no window.
std::vector<Window> cut_windows(std::span<const Window> stretches, std::size_t length);

/// At most `most` of `items` in their order, the last one among them: one drawn from each of as many equal parts.
/// Evenly spaced ones could all meet the same phase of what repeats in the data.
template <class Item>
std::vector<Item> spread(std::vector<Item> items, std::size_t most, std::uint64_t seed) {
  const std::size_t count = items.size();
  if (count <= most) return items;
  const Random random(seed);
  std::vector<Item> chosen;
  for (std::size_t part = 0; part + 1 < most; ++part) {
    const std::size_t begin = count * part / most, end = count * (part + 1) / most;
    chosen.push_back(items[begin + random.below(0, part, end - begin)]);
  }
  chosen.push_back(items.back());
  return chosen;
}

/// The state at a sample: missing cells lie between the nearest measured ones of the trajectory; a state's `mean` if
/// there is none.
std::vector<double> filled_state(const Trajectory& trajectory, std::size_t sample, const std::vector<double>& means);

/// Whether any state is measured at a sample, of the first so many.
bool is_measured(const Trajectory& trajectory, std::size_t sample,
                 std::size_t states = std::numeric_limits<std::size_t>::max());

/// When each state was last measured, up to a sample; NaN for never.
std::vector<double> times_seen(const Trajectory& trajectory, std::size_t sample);

/// The sample from which held samples are forecast: the last one before, or the first one of a whole trajectory.
inline std::size_t origin_before(const Window& held) { return held.first > 0 ? held.first - 1 : 0; }

/// Samples of all windows, or of all trajectories.
std::size_t count_samples(std::span<const Window> windows);
std::size_t count_samples(const TimeSeries& series);

/// The greater one of the two middle numbers if there are two; 0 of none.
double median(std::vector<double> numbers);

/// Samples of the longest window.
std::size_t longest(std::span<const Window> windows);

}  // namespace costate

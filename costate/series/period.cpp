#include "costate/series/period.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "costate/base/text.h"
#include "costate/series/windows.h"

namespace costate {
namespace {

constexpr std::size_t kMostSamples = 8192;  // whose pairs are looked at
constexpr double kLongestLag = 0.65;        // of the longest trajectory: beyond half of it, to see the rise again
constexpr double kLongestPeriod = 0.5;      // of the longest trajectory
constexpr double kFewestPairs = 4;          // of a lag
constexpr double kShareOfPairs = 0.2;       // of the cells, that must have one a period later
constexpr std::size_t kFewestBins = 3;      // of a period
constexpr double kLeastReturn = 0.4;        // of the difference, that must be gone after a period
constexpr double kDrift = 0.4;              // more of it if two periods were seen, a half if three were
constexpr double kPeriodsAgain = 6;
constexpr double kLeastContrast = 0.35;  // between whole and half periods, as a share of the latter
constexpr double kShareOfBest = 0.7;     // of the best return, that a shorter period must reach
constexpr double kNeighbourhood = 0.25;  // of a lag, in which it must be the best
constexpr double kNearCalendar = 0.02;   // as near to a day, a day is meant

struct Point {
  double time, value;
};
using Path = std::vector<Point>;  // of one trajectory

Path path_of(const Trajectory& trajectory, std::size_t column) {
  const std::span<const double> states = trajectory.states.data<double>();
  const auto width = static_cast<std::size_t>(trajectory.states.shape()[1]);
  Path path;
  for (std::size_t i = 0; i < trajectory.times.size(); ++i)
    if (!std::isnan(states[i * width + column])) path.push_back({trajectory.times[i], states[i * width + column]});
  return path;
}

void remove_trend(Path& path) {
  double t = 0, y = 0, tt = 0, ty = 0;
  const auto n = static_cast<double>(path.size());
  for (const Point& point : path) t += point.time / n, y += point.value / n;
  for (const Point& point : path) {
    tt += (point.time - t) * (point.time - t);
    ty += (point.time - t) * (point.value - y);
  }
  const double slope = tt > 0 ? ty / tt : 0;
  for (Point& point : path) point.value -= y + slope * (point.time - t);
}

/// The means of `count` neighbours each.
Path averaged(const Path& path, std::size_t count) {
  Path means;
  for (std::size_t first = 0; first + count <= path.size(); first += count) {
    Point& mean = means.emplace_back(Point{0, 0});
    for (std::size_t i = first; i < first + count; ++i) {
      mean.time += path[i].time / static_cast<double>(count);
      mean.value += path[i].value / static_cast<double>(count);
    }
  }
  return means;
}

/// Squared differences of pairs, by their lag.
struct Differences {
  double width = 0;  // of a bin; bin b holds the lags around b * width
  double span = 0;   // of the longest path
  double cells = 0;  // of all paths
  std::vector<double> sums, counts;

  bool is_known(std::size_t bin) const { return bin < sums.size() && counts[bin] >= kFewestPairs; }
  double mean(std::size_t bin) const { return sums[bin] / counts[bin]; }
};

/// A bin is a step wide where times are even, so that each lag has its own, and half a step where they are not.
double bin_width(const std::vector<Path>& paths) {
  std::vector<double> steps;
  for (const Path& path : paths)
    for (std::size_t i = 1; i < path.size(); ++i) steps.push_back(path[i].time - path[i - 1].time);
  if (steps.empty()) return 0;
  const double step = median(steps);
  const auto even = std::count_if(steps.begin(), steps.end(), [&](double other) {
    return std::abs(other / step - std::round(other / step)) < 0.05 && other > 0.5 * step;
  });
  return 10 * static_cast<std::size_t>(even) >= 9 * steps.size() ? step : step / 2;
}

Differences differences_of(const std::vector<Path>& paths) {
  Differences all;
  all.width = bin_width(paths);
  if (!(all.width > 0)) return all;
  for (const Path& path : paths) {
    if (!path.empty()) all.span = std::max(all.span, path.back().time - path.front().time);
    all.cells += static_cast<double>(path.size());
  }
  const double longest = std::min(kLongestLag * all.span, all.width * static_cast<double>(4 * kMostSamples));
  all.sums.assign(static_cast<std::size_t>(longest / all.width) + 1, 0.0);
  all.counts = all.sums;
  for (const Path& path : paths) {
    for (std::size_t i = 0; i < path.size(); ++i) {
      for (std::size_t j = i + 1; j < path.size(); ++j) {
        const auto bin = static_cast<std::size_t>((path[j].time - path[i].time) / all.width + 0.5);
        if (bin >= all.sums.size()) break;
        const double change = path[j].value - path[i].value;
        all.sums[bin] += change * change;
        all.counts[bin] += 1;
      }
    }
  }
  return all;
}

/// The bin of the least difference within [low, high], if it lies inside of it; 0 if none does.
std::size_t lowest_between(const Differences& all, double low, double high) {
  const auto first = static_cast<std::size_t>(std::ceil(low)), last = static_cast<std::size_t>(std::floor(high));
  std::size_t lowest = 0;
  for (std::size_t bin = first; bin <= last; ++bin)
    if (all.is_known(bin) && (lowest == 0 || all.mean(bin) < all.mean(lowest))) lowest = bin;
  return lowest;
}

struct PeriodCandidate {
  std::size_t bin = 0;
  double gone = 0;  // share of the largest difference at a shorter lag that is gone after this one
};

/// What noise could make of a mean of so many pairs, and drift of so few periods, is asked for in addition.
bool is_return(const Differences& all, std::size_t bin, double gone) {
  const double seen = all.span / (static_cast<double>(bin) * all.width);
  if (all.counts[bin] < kShareOfPairs * all.cells) return false;
  return gone >= kLeastReturn + std::sqrt(4 / all.counts[bin]) && gone >= kLeastReturn + kDrift / (seen - 1);
}

/// Whether the state is far after each further half period, and back after each whole one.
bool goes_on(const Differences& all, const PeriodCandidate& candidate) {
  const double lag = static_cast<double>(candidate.bin), last = static_cast<double>(all.sums.size() - 1);
  double far = 0, back = 0;
  for (double times = 1; times <= kPeriodsAgain && times * lag * 1.1 <= last; ++times) {
    const std::size_t whole = lowest_between(all, times * lag - 0.1 * lag, times * lag + 0.1 * lag);
    const auto half = static_cast<std::size_t>((times - 0.5) * lag);
    if (whole == 0 || !all.is_known(half)) continue;
    back += all.mean(whole);
    far += all.mean(half);
  }
  return back < (1 - kLeastContrast) * far;
}

std::vector<PeriodCandidate> candidates_of(const Differences& all) {
  std::vector<PeriodCandidate> candidates;
  double most = 0;
  for (std::size_t bin = 1; bin < all.sums.size(); ++bin) {
    if (!all.is_known(bin)) continue;
    const double here = all.mean(bin), lag = static_cast<double>(bin);
    if (most > 0 && bin >= kFewestBins && lag * all.width <= kLongestPeriod * all.span * (1 + 1e-9)) {
      const double gone = 1 - here / most;
      if (is_return(all, bin, gone) &&
          lowest_between(all, (1 - kNeighbourhood) * lag, (1 + kNeighbourhood) * lag) == bin)
        candidates.push_back({bin, gone});
    }
    most = std::max(most, here);
  }
  std::erase_if(candidates, [&](const PeriodCandidate& candidate) { return !goes_on(all, candidate); });
  return candidates;
}

/// From the least differences near the multiples of the lag, as far as they can be told apart.
double refined(const Differences& all, std::size_t bin) {
  double lag = static_cast<double>(bin);
  const auto most = static_cast<double>(all.sums.size() - 1);
  for (double times = 2; times * lag + 1 <= most && times <= 50; ++times) {
    const double reach = std::max(1.0, 0.5 * lag / times);
    const std::size_t near = lowest_between(all, times * lag - reach, times * lag + reach);
    if (near == 0) break;
    const double better = static_cast<double>(near) / times;
    if (std::abs(better - lag) * times > 0.5) lag = better;
  }
  return lag * all.width;
}

struct Found {
  double period = 0, gone = 0;
};

Found period_of(const std::vector<Path>& paths) {
  const Differences all = differences_of(paths);
  const std::vector<PeriodCandidate> candidates = candidates_of(all);
  double best = 0;
  for (const PeriodCandidate& candidate : candidates) best = std::max(best, candidate.gone);
  for (const PeriodCandidate& candidate : candidates)
    if (candidate.gone >= kShareOfBest * best) return {refined(all, candidate.bin), candidate.gone};
  return {};
}

/// Looks at neighbours first, and at means of many if there are too many samples for all of their pairs.
Found period_of_state(const TimeSeries& training, std::size_t column) {
  std::vector<Path> paths, recent, means;
  std::size_t longest = 0;
  for (const Trajectory& trajectory : training.trajectories) {
    paths.push_back(path_of(trajectory, column));
    remove_trend(paths.back());
    longest = std::max(longest, paths.back().size());
  }
  const std::size_t most = kMostSamples;
  if (longest <= most) return period_of(paths);
  for (const Path& path : paths) {
    recent.emplace_back(path.end() - static_cast<std::ptrdiff_t>(std::min(most, path.size())), path.end());
    means.push_back(averaged(path, (longest + most - 1) / most));
  }
  const Found found = period_of(recent);
  return found.period > 0 ? found : period_of(means);
}

struct Unit {
  double seconds;
  const char* name;
};
constexpr std::array<Unit, 6> kUnits = {
    {{604800, "week"}, {86400, "day"}, {3600, "h"}, {60, "min"}, {1, "s"}, {0.001, "ms"}}};
constexpr std::array<double, 8> kCalendar = {3600, 43200, 86400, 604800, 2629746, 7889238, 31556952, 60};

double seconds_of(const TimeScale& scale) { return scale.unit == "days" ? 86400 : scale.unit == "seconds" ? 1 : 0; }

}  // namespace

std::optional<double> find_period(const TimeSeries& training) {
  Found best;
  for (std::size_t column = 0; column < training.state_names.size(); ++column) {
    const Found found = period_of_state(training, column);
    if (found.gone > best.gone) best = found;
  }
  if (best.period == 0) return std::nullopt;
  const double second = seconds_of(training.time_scale);
  for (const double length : kCalendar)
    if (std::abs(best.period * second - length) < kNearCalendar * length) return length / second;
  return best.period;
}

std::string duration_text(double duration, const TimeScale& scale) {
  const double seconds = duration * seconds_of(scale);
  if (seconds == 0) return text::number(duration);
  if (seconds > 60 * 86400) return text::concat(text::number(seconds / 86400, 3), " days");
  for (const Unit& unit : kUnits) {
    if (seconds < unit.seconds * (1 - 1e-9)) continue;
    if (unit.seconds == 604800 && std::abs(std::remainder(seconds, unit.seconds)) > 1) continue;
    const std::string count = text::number(seconds / unit.seconds, 3);
    const bool is_plural = unit.seconds >= 86400 && count != "1";
    return text::concat(count, " ", unit.name, is_plural ? "s" : "");
  }
  return text::concat(text::number(seconds, 3), " s");
}

}  // namespace costate

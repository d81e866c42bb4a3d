#include "costate/solve/dense_solution.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/base/error.h"

namespace costate {
namespace {

HostArray counts_of(const std::vector<std::int64_t>& values) {
  return HostArray::vector(std::vector<double>(values.begin(), values.end()));
}

const HostArray& named(const std::map<std::string, HostArray>& arrays, const std::string& name) {
  const auto found = arrays.find(name);
  if (found == arrays.end())
    throw InvalidArgument("[DenseSolution] there must be an array '", name, "'; there is none.");
  return found->second;
}

}  // namespace

DenseSolution::DenseSolution(Steps steps) : steps_(std::move(steps)) {
  const std::size_t count = steps_.starts.size(), samples = steps_.t0.size();
  const auto& first = steps_.first;
  if (first.size() != samples + 1 || steps_.t1.size() != samples || first.front() != 0 ||
      first.back() != static_cast<std::int64_t>(count) || !std::ranges::is_sorted(first))
    throw InvalidArgument(
        "[DenseSolution] first must ascend from 0 to the number of steps, one more than samples; got ", first.size(),
        " numbers for ", samples, " samples.");
  const Shape& shape = steps_.coefficients.shape();
  if (steps_.sizes.size() != count || steps_.ends.size() != count || shape.rank() < 2 ||
      shape[0] != static_cast<std::int64_t>(count) || steps_.z0.shape().rank() != shape.rank() - 1 ||
      steps_.z0.shape()[0] != static_cast<std::int64_t>(samples))
    throw ShapeError(
        "[DenseSolution] starts, sizes, ends and coefficients must have a row a step, and z0 one a sample; "
        "got coefficients ",
        shape, " and z0 ", steps_.z0.shape(), " for ", count, " steps and ", samples, " samples.");
}

std::vector<double> DenseSolution::step_times(std::int64_t sample) const {
  const auto i = static_cast<std::size_t>(sample);
  if (sample < 0 || i >= steps_.t0.size())
    throw InvalidArgument("[DenseSolution] the sample must be below ", steps_.t0.size(), "; got ", sample, ".");
  std::vector<double> times(steps_.starts.begin() + steps_.first[i], steps_.starts.begin() + steps_.first[i + 1]);
  times.push_back(times.empty() ? steps_.t0[i] : steps_.ends[static_cast<std::size_t>(steps_.first[i + 1]) - 1]);
  return times;
}

HostArray DenseSolution::evaluate(const HostArray& times, bool is_slope) const {
  const int rank = times.shape().rank();
  if (rank < 1 || rank > 2 || (rank == 2 && times.shape()[0] != batch()))
    throw ShapeError("[DenseSolution] times must have shape [time] or [", batch(), ", time]; got ", times.shape(), ".");
  const std::int64_t count = times.shape()[-1];
  const Shape state = steps_.z0.shape().without_first();
  std::vector<std::int64_t> axes = {batch(), count};
  axes.insert(axes.end(), state.axes().begin(), state.axes().end());
  HostArray out(Shape(axes), steps_.coefficients.dtype());
  std::vector<double> values(static_cast<std::size_t>(state.size()));
  for (std::int64_t sample = 0; sample < batch(); ++sample)
    for (std::int64_t i = 0; i < count; ++i) {
      write(sample, times.at(rank == 1 ? i : sample * count + i), is_slope, values);
      for (std::int64_t k = 0; k < state.size(); ++k)
        out.set((sample * count + i) * state.size() + k, values[static_cast<std::size_t>(k)]);
    }
  return out;
}

void DenseSolution::write(std::int64_t sample, double t, bool is_slope, std::span<double> out) const {
  const auto i = static_cast<std::size_t>(sample);
  const double t0 = steps_.t0[i], t1 = steps_.t1[i], direction = t1 >= t0 ? 1 : -1;
  if (!(direction * (t - t0) >= 0 && direction * (t1 - t) >= 0))
    throw InvalidArgument("[DenseSolution] times of sample ", sample, " must be between ", text::shortest(t0), " and ",
                          text::shortest(t1), "; got ", text::shortest(t), ".");
  const auto begin = steps_.ends.begin() + steps_.first[i], end = steps_.ends.begin() + steps_.first[i + 1];
  const auto found = std::partition_point(begin, end, [&](double step_end) { return direction * (t - step_end) > 0; });
  if (found == end) {
    const bool is_start = t == t0 && begin == end && !is_slope;
    for (std::size_t k = 0; k < out.size(); ++k)
      out[k] = is_start ? steps_.z0.at(sample * static_cast<std::int64_t>(out.size()) + static_cast<std::int64_t>(k))
                        : std::numeric_limits<double>::quiet_NaN();
    return;
  }
  const std::int64_t step = found - steps_.ends.begin(), terms = steps_.coefficients.shape()[1];
  const auto size = static_cast<std::int64_t>(out.size());
  const double h = steps_.sizes[static_cast<std::size_t>(step)];
  const double theta = (t - steps_.starts[static_cast<std::size_t>(step)]) / h;
  for (std::int64_t k = 0; k < size; ++k) {
    double value = 0;
    for (std::int64_t p = terms; p-- > (is_slope ? 1 : 0);) {
      const double c = steps_.coefficients.at((step * terms + p) * size + k);
      value = std::fma(value, theta, is_slope ? static_cast<double>(p) * c / h : c);
    }
    out[static_cast<std::size_t>(k)] = value;
  }
}

std::map<std::string, HostArray> DenseSolution::arrays() const {
  return {{"first", counts_of(steps_.first)},         {"starts", HostArray::vector(steps_.starts)},
          {"sizes", HostArray::vector(steps_.sizes)}, {"ends", HostArray::vector(steps_.ends)},
          {"coefficients", steps_.coefficients},      {"z0", steps_.z0},
          {"t0", HostArray::vector(steps_.t0)},       {"t1", HostArray::vector(steps_.t1)}};
}

DenseSolution DenseSolution::from_arrays(const std::map<std::string, HostArray>& arrays) {
  const std::vector<double> first = named(arrays, "first").numbers();
  return DenseSolution({.first = std::vector<std::int64_t>(first.begin(), first.end()),
                        .starts = named(arrays, "starts").numbers(),
                        .sizes = named(arrays, "sizes").numbers(),
                        .ends = named(arrays, "ends").numbers(),
                        .coefficients = named(arrays, "coefficients"),
                        .z0 = named(arrays, "z0"),
                        .t0 = named(arrays, "t0").numbers(),
                        .t1 = named(arrays, "t1").numbers()});
}

}  // namespace costate

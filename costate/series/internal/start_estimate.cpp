#include "costate/series/internal/start_estimate.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/series/internal/window_loss.h"

namespace costate {
namespace {

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

constexpr int kMostDescents = 10;
constexpr double kDone = 1e-6;  // a step that lowers no cost by more than this share is the last

Function residuals(const SeriesModel& model, const WindowShape& shape) {
  const Function distances = trace_list(window_arguments(model, shape), [&](std::span<const Array> in) {
    const Array states = measured_part(model, solve_window(model, Loss::kMse, in).states);
    return std::vector<Array>{(states - in[3]) * sqrt(in[4])};
  });
  const std::size_t shift = 0;
  return jacobian(distances, std::span(&shift, 1));
}

/// One window's problem around its shift: minimize |r|^2 + weight |shift - expected|^2.
struct Place {
  Vector shift;
  double cost = 0;
  Matrix normal = {};    // J'J + weight
  Vector gradient = {};  // J'r + weight (shift - expected)
  double damping = 1e-3;

  bool is_finite() const { return std::isfinite(cost) && normal.allFinite(); }

  Vector next() const {
    Matrix damped = normal;
    damped.diagonal() *= 1 + damping;
    return shift - damped.llt().solve(gradient);
  }
};

std::vector<Place> places_at(const RunResult& run, const std::vector<Vector>& shifts,
                             const std::vector<Vector>& expected, double weight) {
  const std::int64_t cells = run.outputs[0].size() / static_cast<std::int64_t>(shifts.size());
  const std::int64_t size = shifts.front().size();
  std::vector<Place> places;
  for (std::size_t row = 0; row < shifts.size(); ++row) {
    const auto first = static_cast<std::int64_t>(row) * cells;
    const Eigen::Map<const Vector> r(run.outputs[0].data<double>().data() + first, cells);
    // Row-major [cell, z] is column-major [z, cell].
    const Eigen::Map<const Matrix> jt(run.outputs[1].data<double>().data() + first * size, size, cells);
    const Vector off = shifts[row] - expected[row];
    Place place{.shift = shifts[row], .cost = r.squaredNorm() + weight * off.squaredNorm()};
    place.normal = jt * jt.transpose();
    place.normal.diagonal().array() += weight;
    place.gradient = jt * r + weight * off;
    places.push_back(std::move(place));
  }
  return places;
}

HostArray as_array(const std::vector<Vector>& shifts) {
  std::vector<double> numbers;
  for (const Vector& shift : shifts) numbers.insert(numbers.end(), shift.begin(), shift.end());
  return HostArray(Shape{static_cast<std::int64_t>(shifts.size()), shifts.front().size()}, std::move(numbers));
}

std::vector<Vector> rows_of(const HostArray& array) {
  const std::int64_t size = array.shape()[1];
  std::vector<Vector> rows;
  for (std::int64_t row = 0; row < array.shape()[0]; ++row)
    rows.push_back(Eigen::Map<const Vector>(array.data<double>().data() + row * size, size));
  return rows;
}

}  // namespace

StartEstimator::StartEstimator(const SeriesModel& model)
    : num_states_(static_cast<std::int64_t>(model.num_states())),
      program_(model, [&model](const WindowShape& shape) { return residuals(model, shape); }) {}

HostArray StartEstimator::estimate(const WindowArrays& windows) const {
  const HostArray none(Shape{windows.count(), num_states_});
  return estimate(windows, none, kStartWeight);
}

HostArray StartEstimator::estimate(const WindowArrays& windows, const HostArray& expected, double weight) const {
  const std::vector<Vector> around = rows_of(expected);
  const auto evaluate = [&](const std::vector<Vector>& shifts) {
    return places_at(program_.run(windows, as_array(shifts)), shifts, around, weight);
  };
  std::vector<Place> best = evaluate(around);
  // Solves that failed are not tried again; the others' batch mates are.
  const bool any = std::ranges::any_of(best, &Place::is_finite);
  for (int step = 0; any && step < kMostDescents; ++step) {
    std::vector<Vector> shifts = around;
    for (std::size_t row = 0; row < best.size(); ++row)
      if (best[row].is_finite()) shifts[row] = best[row].next();
    std::vector<Place> tried = evaluate(shifts);
    double gain = 0;
    for (std::size_t row = 0; row < best.size(); ++row) {
      if (!best[row].is_finite()) continue;
      if (!tried[row].is_finite() || tried[row].cost >= best[row].cost) {
        best[row].damping *= 10;
        continue;
      }
      gain = std::max(gain, 1 - tried[row].cost / best[row].cost);
      tried[row].damping = best[row].damping / 10;
      best[row] = std::move(tried[row]);
    }
    if (step > 1 && gain < kDone) break;
  }
  std::vector<Vector> shifts;
  for (const Place& place : best) shifts.push_back(place.shift);
  return as_array(shifts);
}

}  // namespace costate

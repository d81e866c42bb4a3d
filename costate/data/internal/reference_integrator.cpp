#include "costate/data/internal/reference_integrator.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "costate/base/error.h"

namespace costate::internal {
namespace {

constexpr int kColumns = 8;
constexpr double kAgreement = 2e-14;
/// Below this share of the time no step is worth taking: the solution has a pole, or is stiff beyond reason.
constexpr double kSmallestStep = 1e-13;
/// From one sample to the next, half a minute: more means that the solution turns too fast for any sampling.
constexpr std::int64_t kMostSteps = 1'000'000;
constexpr double kLargestDelayStep = 0.01;

int num_substeps(int column) { return 2 * (column + 1); }

double max_norm(const std::vector<double>& z) {
  double norm = 0;
  for (const double value : z) norm = std::isfinite(value) ? std::max(norm, std::abs(value)) : INFINITY;
  return norm;
}

double max_difference(const std::vector<double>& left, const std::vector<double>& right) {
  double most = 0;
  for (std::size_t i = 0; i < left.size(); ++i) most = std::max(most, std::abs(left[i] - right[i]));
  return most;
}

}  // namespace

void ExtrapolationIntegrator::advance_to(double t) {
  std::vector<double> result;
  for (std::int64_t steps = 0; t_ < t; ++steps) {
    if (steps == kMostSteps)
      throw SolveFailed("[simulate] the state changes too fast: ", kMostSteps, " steps reach t = ", t_,
                        ". Simulate a shorter time or take gentler parameters.");
    const double h = std::min(step_, t - t_);
    const int columns = extrapolate(h, result);
    if (columns == 0) {
      step_ = h / 2;
      if (step_ <= kSmallestStep * std::max(std::abs(t_), 1.0))
        throw SolveFailed("[simulate] the state grows without bound or changes too fast near t = ", t_, ", z = [",
                          text::join(z_), "]. Simulate a shorter time or start elsewhere.");
      continue;
    }
    const bool is_last = h >= t - t_;
    t_ = is_last ? t : t_ + h;
    z_ = result;
    // Six or seven columns are the best bargain near rounding. A step cut short by `t` says nothing about longer ones
    // unless it was hard already.
    if (columns < 6 && h == step_) step_ *= 1.5;
    if (columns == kColumns) step_ = 0.7 * h;
  }
}

/// The columns used until two neighbours agree, or 0 if none do.
int ExtrapolationIntegrator::extrapolate(double h, std::vector<double>& result) const {
  std::vector<std::vector<double>> row;  // the diagonal's last row: orders 2, 4, 6, …
  for (int column = 0; column < kColumns; ++column) {
    std::vector<std::vector<double>> next{midpoint_rule(h, num_substeps(column))};
    for (int j = 1; j <= column; ++j) {
      const double ratio = static_cast<double>(num_substeps(column)) / num_substeps(column - j);
      const std::vector<double>& fine = next.back();
      const std::vector<double>& coarse = row[static_cast<std::size_t>(j - 1)];
      std::vector<double> better(fine.size());
      for (std::size_t i = 0; i < fine.size(); ++i) better[i] = fine[i] + (fine[i] - coarse[i]) / (ratio * ratio - 1);
      next.push_back(std::move(better));
    }
    row = std::move(next);
    const double size = max_norm(row.back());
    if (!std::isfinite(size)) return 0;
    if (column > 0 && max_difference(row.back(), row[row.size() - 2]) <= kAgreement * std::max(size, max_norm(z_))) {
      result = row.back();
      return column + 1;
    }
  }
  return 0;
}

std::vector<double> ExtrapolationIntegrator::midpoint_rule(double h, int substeps) const {
  const double dt = h / substeps;
  std::vector<double> slope(z_.size());
  std::vector<double> before = z_;
  std::vector<double> now = z_;
  slope_(t_, z_, slope);
  for (std::size_t i = 0; i < now.size(); ++i) now[i] += dt * slope[i];
  for (int step = 1; step < substeps; ++step) {
    slope_(t_ + step * dt, now, slope);
    for (std::size_t i = 0; i < now.size(); ++i) before[i] += 2 * dt * slope[i];
    std::swap(before, now);
  }
  return now;
}

DelayIntegrator::DelayIntegrator(DelaySlope slope, std::vector<double> start, double delay)
    : slope_(std::move(slope)), z_{start}, dz_{std::vector<double>(start.size())} {
  if (!(delay >= kLargestDelayStep) || !std::isfinite(delay))
    throw InvalidArgument("[simulate] the delay must be finite and at least ", kLargestDelayStep, "; got ", delay, ".");
  num_delay_steps_ = static_cast<std::size_t>(std::ceil(delay / kLargestDelayStep));
  h_ = delay / static_cast<double>(num_delay_steps_);
  slope_(0, start, start, dz_.front());
}

std::vector<double> DelayIntegrator::state_at(double t) {
  const double steps = t / h_;
  const auto step = static_cast<std::size_t>(steps);
  while (z_.size() < step + 2) take_step();
  return interpolate(step, steps - static_cast<double>(step));
}

std::vector<double> DelayIntegrator::interpolate(std::size_t step, double fraction) const {
  const double x = fraction;
  const double from_start = x * (1 - x) * (1 - x) * h_;
  const double from_end = -x * x * (1 - x) * h_;
  const double weight = x * x * (3 - 2 * x);
  std::vector<double> z(z_.front().size());
  for (std::size_t i = 0; i < z.size(); ++i)
    z[i] =
        (1 - weight) * z_[step][i] + weight * z_[step + 1][i] + from_start * dz_[step][i] + from_end * dz_[step + 1][i];
  return z;
}

std::vector<double> DelayIntegrator::delayed(std::size_t step, double fraction) const {
  // The end of a step is the start of the next, which exists already when the delay is one step only.
  if (fraction == 1) return delayed(step + 1, 0);
  if (step < num_delay_steps_) return z_.front();
  if (fraction == 0) return z_[step - num_delay_steps_];
  return interpolate(step - num_delay_steps_, fraction);
}

void DelayIntegrator::take_step() {
  const std::size_t step = z_.size() - 1;
  const double t = static_cast<double>(step) * h_;
  const std::vector<double>& z = z_.back();
  const std::size_t dimension = z.size();
  std::vector<std::vector<double>> k{dz_.back()};
  for (const double fraction : {0.5, 0.5, 1.0}) {
    std::vector<double> at(dimension);
    for (std::size_t i = 0; i < dimension; ++i) at[i] = z[i] + fraction * h_ * k.back()[i];
    std::vector<double> slope(dimension);
    slope_(t + fraction * h_, at, delayed(step, fraction), slope);
    k.push_back(std::move(slope));
  }
  std::vector<double> next(dimension);
  for (std::size_t i = 0; i < dimension; ++i) next[i] = z[i] + h_ / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
  std::vector<double> slope(dimension);
  slope_(t + h_, next, delayed(step, 1), slope);
  if (!std::isfinite(max_norm(next)))
    throw SolveFailed("[simulate] the state grows without bound near t = ", t, ". Simulate a shorter time.");
  z_.push_back(std::move(next));
  dz_.push_back(std::move(slope));
}

}  // namespace costate::internal

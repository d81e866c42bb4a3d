#include "costate/series/internal/linear_ode.h"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "costate/series/internal/linear_fit.h"
#include "costate/series/internal/validation.h"

namespace costate::internal {
namespace {

constexpr std::array<std::size_t, 3> kLengths = {2, 9, 33};  // samples of a window, one after the other
constexpr std::size_t kMostSamples = 4000, kMostUneven = 600, kFewestSamples = 100;
constexpr std::size_t kMostChanges = 200'000;          // of a number of the field, each followed over a sample
constexpr std::size_t kMostExponentials = 20'000'000;  // for their exponentials, where each step has its own
constexpr std::size_t kMostStaleSamples = 1000;
constexpr std::size_t kMostNumbers = 90;  // to be refined after gradients are matched

class LinearOde : public Rival {
 public:
  LinearOde(Level level, AffineField field) : Rival(std::move(level), "linear ODE"), field_(std::move(field)) {}

  std::vector<Advice> advice() const override {
    return {{Remedy::kLinearField, "--hidden none", "a linear field does better"}};
  }
  const AffineField& field() const { return field_; }
  const Normalization& units() const { return level().units; }

 private:
  void forecast_one(const ForecastTask& task, std::span<double> out) const override {
    const Trajectory& trajectory = *task.trajectory;
    const std::size_t d = num_states(), first = known_sample(task);
    Eigen::VectorXd z(static_cast<Eigen::Index>(d));
    for (std::size_t k = 0; k < d; ++k)
      z[static_cast<Eigen::Index>(k)] =
          normalized(k, measured_at(trajectory, k, task.origin, trajectory.times[first], Outside::kNearest));
    double known_dt = 0;
    LinearStep step;
    for (std::size_t i = first + 1; i <= task.origin + task.ahead; ++i) {
      const double dt = (trajectory.times[i] - trajectory.times[i - 1]) / level().units.time_scale;
      if (std::abs(dt - known_dt) > 1e-9 * dt) step = step_of(field_, dt);
      known_dt = dt;
      const Eigen::VectorXd from = inputs_at(task, i - 1), slope = (inputs_at(task, i) - from) / dt;
      z = step.from_state * z + step.from_input * from + step.from_slope * slope + step.constant;
      for (std::size_t k = 0; k < d; ++k) {
        const double told = z[static_cast<Eigen::Index>(k)];
        const double value = bounded(k, level().units.state_offset[k] + level().units.state_scale[k] * told);
        const double seen = trajectory.states.data<double>()[i * d + k];
        z[static_cast<Eigen::Index>(k)] = normalized(k, i <= task.origin && !std::isnan(seen) ? seen : value);
        if (i > task.origin) out[(i - task.origin - 1) * d + k] = value;
      }
    }
  }

  /// The last sample at which all states were measured, or between measured cells: those that were measured no more
  /// are told from there to the origin.
  std::size_t known_sample(const ForecastTask& task) const {
    std::size_t known = task.origin;
    for (std::size_t k = 0; k < num_states(); ++k)
      if (const auto last = last_measured(*task.trajectory, k, task.origin)) known = std::min(known, *last);
    return std::max(known, task.origin - std::min(task.origin, kMostStaleSamples));
  }

  /// The mean for what is not known.
  double normalized(std::size_t state, double value) const {
    if (std::isnan(value)) return 0;
    return (value - level().units.state_offset[state]) / level().units.state_scale[state];
  }

  /// At a sample, normalized; after the origin as the task assumes.
  Eigen::VectorXd inputs_at(const ForecastTask& task, std::size_t sample) const {
    const Normalization& unit = level().units;
    const std::size_t m = unit.input_offset.size();
    Eigen::VectorXd inputs(static_cast<Eigen::Index>(m));
    for (std::size_t k = 0; k < m; ++k) {
      const double value = sample <= task.origin ? task.trajectory->inputs.data<double>()[sample * m + k]
                                                 : task.inputs.data<double>()[(sample - task.origin - 1) * m + k];
      inputs[static_cast<Eigen::Index>(k)] = (value - unit.input_offset[k]) / unit.input_scale[k];
    }
    return inputs;
  }

  AffineField field_;
};

/// Whether most steps are equal, so that one matrix serves all.
bool is_even(const std::vector<LinearWindow>& windows) {
  const double first = windows.front().steps.front();
  std::size_t other = 0, all = 0;
  for (const LinearWindow& window : windows) {
    for (const double step : window.steps) {
      ++all;
      if (std::abs(step - first) > 1e-6 * first) ++other;
    }
  }
  return 20 * other < all;
}

/// What can be fitted to within about a second.
std::size_t most_samples(std::size_t numbers, const std::vector<LinearWindow>& windows) {
  if (is_even(windows)) return std::clamp(kMostChanges / numbers, kFewestSamples, kMostSamples);
  const auto joined = static_cast<std::size_t>(windows.front().states.rows() + 2 * windows.front().inputs.rows() + 1);
  return std::clamp(kMostExponentials / (numbers * joined * joined * joined), kFewestSamples, kMostUneven);
}

/// The fields after windows of each length, each fitted from the one before.
std::vector<AffineField> fields_of(const TimeSeries& series, const Normalization& units, std::size_t stages) {
  const std::vector<LinearWindow> pairs = linear_windows(series, units, 2, kMostSamples);
  if (pairs.empty()) return {};
  std::vector<AffineField> fields = {match_gradients(pairs)};
  const std::size_t numbers = units.state_offset.size() * (units.state_offset.size() + units.input_offset.size() + 1);
  if (numbers > kMostNumbers) return fields;
  const std::size_t most = most_samples(numbers, pairs);
  for (const std::size_t length : kLengths) {
    if (fields.size() > stages) break;
    const std::vector<LinearWindow> windows = linear_windows(series, units, length, most);
    if (!windows.empty()) fields.push_back(fit_windows(fields.back(), windows));
  }
  return fields;
}

/// No mode grows: those that do are slowed down with all others until the fastest one stays.
AffineField stabilized(AffineField field) {
  if (!field.a.allFinite()) return field;
  const double growth = field.a.eigenvalues().real().maxCoeff();
  if (growth > 0) field.a.diagonal().array() -= growth;
  return field;
}

/// How a field is fitted.
struct Recipe {
  std::size_t stages = kLengths.size();
  bool is_stabilized = false;
};

Recipe choose_recipe(const TimeSeries& training, const Level& level) {
  Recipe best;
  const ValidationSplit split = validation_split(training);
  if (split.fitted.trajectories.empty() || split.windows.empty()) return best;
  double least = std::numeric_limits<double>::infinity();
  const std::vector<AffineField> fields = fields_of(split.fitted, level.units, kLengths.size());
  for (std::size_t stage = 0; stage < fields.size(); ++stage) {
    for (const bool is_stabilized : {false, true}) {
      const LinearOde tried(level, is_stabilized ? stabilized(fields[stage]) : fields[stage]);
      const double error = validation_error(tried, training, split.windows);
      if (error >= least) continue;
      least = error;
      best = {stage, is_stabilized};
    }
  }
  return best;
}

}  // namespace

std::unique_ptr<Rival> fit_linear_ode(const TimeSeries& training) {
  const std::size_t d = training.state_names.size(), m = training.input_names.size();
  std::size_t pairs = 0;
  for (const Trajectory& trajectory : training.trajectories) pairs += trajectory.times.size() - 1;
  if (pairs < 2 * (d + m + 1)) return nullptr;
  Level level = level_of(training);
  const Recipe recipe = choose_recipe(training, level);
  const std::vector<AffineField> fields = fields_of(training, level.units, recipe.stages);
  if (fields.empty()) return nullptr;
  const AffineField field = recipe.is_stabilized ? stabilized(fields.back()) : fields.back();
  if (!field.a.allFinite() || !field.b.allFinite() || !field.c.allFinite()) return nullptr;
  return std::make_unique<LinearOde>(std::move(level), field);
}

AffineField field_in_data_units(const Rival& linear_ode) {
  const auto& rival = dynamic_cast<const LinearOde&>(linear_ode);
  const Normalization& units = rival.units();
  const auto vector = [](const std::vector<double>& numbers) {
    return Eigen::Map<const Eigen::VectorXd>(numbers.data(), static_cast<Eigen::Index>(numbers.size())).eval();
  };
  const Eigen::VectorXd rate = vector(units.state_scale) / units.time_scale;
  const AffineField& field = rival.field();
  const Eigen::MatrixXd a = rate.asDiagonal() * field.a * vector(units.state_scale).cwiseInverse().asDiagonal();
  const Eigen::MatrixXd b = rate.asDiagonal() * field.b * vector(units.input_scale).cwiseInverse().asDiagonal();
  const Eigen::VectorXd c = rate.asDiagonal() * field.c;
  return {.a = a, .b = b, .c = c - a * vector(units.state_offset) - b * vector(units.input_offset)};
}

}  // namespace costate::internal

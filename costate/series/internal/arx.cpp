#include "costate/series/internal/arx.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "costate/base/text.h"
#include "costate/series/internal/even_grid.h"
#include "costate/series/internal/validation.h"

namespace costate::internal {
namespace {

constexpr std::array<std::size_t, 12> kLags = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};
constexpr std::size_t kMostRows = 20000, kMostUnknowns = 300;
constexpr double kMostProducts = 1e9;  // of numbers, of a fit
constexpr double kRowsPerUnknown = 2;
constexpr double kRidge = 1e-8;  // beside the mean square of a column: regressors may depend on each other
constexpr double kLessByMoreLags = 0.98,
                 kRounding = 1e-4;  // of the error, in deviations: they have to earn their place
constexpr double kMostStaleSteps = 1000;
constexpr double kMostGridSteps = 1e6;  // of a forecast

struct ArxShape {
  std::size_t lags, states, inputs;

  /// The states at the last `lags` samples, the latest first; the inputs there and at the sample that is told; 1.
  std::size_t unknowns() const { return lags * states + (lags + 1) * inputs + 1; }
};

/// The numbers that sample `at` is told from, with the states as given; false if one is missing.
bool regressors_of(const GridSegment& segment, const std::vector<double>& states, std::size_t at, const ArxShape& shape,
                   Eigen::VectorXd& row) {
  Eigen::Index k = 0;
  for (std::size_t lag = 1; lag <= shape.lags; ++lag)
    for (std::size_t i = 0; i < shape.states; ++i) row[k++] = states[(at - lag) * shape.states + i];
  for (std::size_t lag = 0; lag <= shape.lags; ++lag)
    for (std::size_t i = 0; i < shape.inputs; ++i) row[k++] = segment.inputs[(at - lag) * shape.inputs + i];
  row[k] = 1;
  return row.allFinite();
}

/// Least squares for one state, summed up row by row.
struct NormalEquations {
  Eigen::MatrixXd squares;
  Eigen::VectorXd products;
  double rows = 0;

  void add(const Eigen::MatrixXd& regressors, const Eigen::VectorXd& targets) {
    squares.selfadjointView<Eigen::Lower>().rankUpdate(regressors);
    products += regressors * targets;
    rows += static_cast<double>(targets.size());
  }
};

/// Adds up to kMostRows rows, evenly taken, in blocks, so that the sum is a product of matrices.
NormalEquations equations_of(const std::vector<GridSegment>& segments, std::vector<double> GridSegment::*states,
                             const ArxShape& shape, std::size_t state) {
  const auto unknowns = static_cast<Eigen::Index>(shape.unknowns());
  NormalEquations sum{Eigen::MatrixXd::Zero(unknowns, unknowns), Eigen::VectorXd::Zero(unknowns)};
  std::size_t all = 0;
  for (const GridSegment& segment : segments) all += segment.length;
  const double products = static_cast<double>(shape.unknowns() * shape.unknowns() * shape.states);
  const std::size_t most = std::min(kMostRows, static_cast<std::size_t>(kMostProducts / products));
  const std::size_t stride = std::max<std::size_t>(1, (all + most - 1) / most);
  constexpr Eigen::Index kBlock = 256;
  Eigen::MatrixXd block(unknowns, kBlock);
  Eigen::VectorXd targets(kBlock), row(unknowns);
  Eigen::Index filled = 0;
  const auto flush = [&] {
    if (filled == 0) return;
    sum.add(block.leftCols(filled), targets.head(filled));
    filled = 0;
  };
  for (const GridSegment& segment : segments) {
    for (std::size_t at = shape.lags; at < segment.length; at += stride) {
      const double target = segment.states[at * shape.states + state];
      if (std::isnan(target) || !regressors_of(segment, segment.*states, at, shape, row)) continue;
      block.col(filled) = row;
      targets[filled] = target;
      if (++filled == kBlock) flush();
    }
  }
  flush();
  return sum;
}

class Arx : public Rival {
 public:
  Arx(Level level, const ArxShape& shape, double step, Eigen::MatrixXd weights)
      : Rival(std::move(level),
              text::concat(shape.inputs > 0 ? "ARX, " : "AR, ", shape.lags, shape.lags == 1 ? " lag" : " lags")),
        shape_(shape),
        step_(step),
        weights_(std::move(weights)) {}

  std::vector<Advice> advice() const override {
    if (shape_.lags == 1) return {};
    return {{Remedy::kMemory, "--memory auto", "the state alone does not tell what follows"}};
  }

 private:
  void forecast_one(const ForecastTask& task, std::span<double> out) const override {
    const std::vector<double>& times = task.trajectory->times;
    const double now = times[task.origin], reach = (times[task.origin + task.ahead] - now) / step_;
    if (!(reach < kMostGridSteps)) {
      std::fill(out.begin(), out.end(), std::numeric_limits<double>::quiet_NaN());
      return;
    }
    const std::size_t d = shape_.states, steps = std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(reach)));
    const GridSegment run = free_run(task, steps);
    for (std::size_t i = 0; i < task.ahead; ++i) {
      const double place = (times[task.origin + 1 + i] - now) / step_;
      const auto below = std::min(static_cast<std::size_t>(std::max(0.0, place)), steps - 1);
      const double share = std::clamp(place - static_cast<double>(below), 0.0, 1.0);
      for (std::size_t k = 0; k < d; ++k) {
        const std::size_t at = (run.length - steps - 1 + below) * d + k;
        const double value = run.filled[at] + share * (run.filled[at + d] - run.filled[at]);
        out[i * d + k] = level().units.state_offset[k] + level().units.state_scale[k] * value;
      }
    }
  }

  /// Grid steps since all states had been measured last.
  std::size_t stale_steps(const ForecastTask& task) const {
    double oldest = 0;
    const std::vector<double>& times = task.trajectory->times;
    for (std::size_t k = 0; k < shape_.states; ++k)
      if (const auto last = last_measured(*task.trajectory, k, task.origin))
        oldest = std::max(oldest, times[task.origin] - times[*last]);
    return static_cast<std::size_t>(std::ceil(std::min(oldest / step_ - 0.1, kMostStaleSteps)));
  }

  /// From the last samples at which all states are known to `steps` after the origin; what is not known is told from
  /// what came before.
  GridSegment free_run(const ForecastTask& task, std::size_t steps) const {
    GridSegment run = segment_around(task, level().units, step_, shape_.lags + stale_steps(task), steps);
    Eigen::VectorXd row(static_cast<Eigen::Index>(shape_.unknowns()));
    for (std::size_t i = 0; i < shape_.lags * shape_.states; ++i)
      if (std::isnan(run.filled[i])) run.filled[i] = 0;
    for (std::size_t at = shape_.lags; at < run.length; ++at) {
      regressors_of(run, run.filled, at, shape_, row);
      const Eigen::VectorXd next = weights_ * row;
      for (std::size_t k = 0; k < shape_.states; ++k) {
        double& cell = run.filled[at * shape_.states + k];
        if (!std::isnan(cell)) continue;
        const double offset = level().units.state_offset[k], scale = level().units.state_scale[k];
        cell = (bounded(k, offset + scale * next[static_cast<Eigen::Index>(k)]) - offset) / scale;
      }
    }
    return run;
  }

  ArxShape shape_;
  double step_;
  Eigen::MatrixXd weights_;  // [state, regressor]
};

std::unique_ptr<Arx> fit_lags(const EvenGrid& grid, const Level& level, const ArxShape& shape) {
  if (shape.unknowns() > kMostUnknowns) return nullptr;
  const auto unknowns = static_cast<Eigen::Index>(shape.unknowns());
  Eigen::MatrixXd weights(static_cast<Eigen::Index>(shape.states), unknowns);
  for (std::size_t state = 0; state < shape.states; ++state) {
    const double fewest = kRowsPerUnknown * static_cast<double>(unknowns);
    NormalEquations sum = equations_of(grid.segments, &GridSegment::states, shape, state);
    // Where few stretches are free of missing cells, filled ones have to do.
    if (sum.rows < fewest) sum = equations_of(grid.segments, &GridSegment::filled, shape, state);
    if (sum.rows < fewest) return nullptr;
    sum.squares.diagonal().array() += kRidge * sum.rows;
    const Eigen::LDLT<Eigen::MatrixXd, Eigen::Lower> factors(sum.squares);
    weights.row(static_cast<Eigen::Index>(state)) = factors.solve(sum.products).transpose();
  }
  if (!weights.allFinite()) return nullptr;
  return std::make_unique<Arx>(level, shape, grid.step, std::move(weights));
}

struct LagChoice {
  ForecastReach reach;
  std::size_t lags = 1;
  double least = std::numeric_limits<double>::infinity();
};

/// The lags that are best for the next sample, and for many.
std::array<LagChoice, 2> choose_lags(const TimeSeries& training, const Level& level, double step) {
  std::array<LagChoice, 2> choices = {LagChoice{.reach = {.samples = 1, .forecasts = 200}}, LagChoice{.reach = {}}};
  const ValidationSplit split = validation_split(training);
  if (split.fitted.trajectories.empty() || split.windows.empty()) return choices;
  const EvenGrid grid{step, segments_of(split.fitted, level.units, step)};
  for (const std::size_t lags : kLags) {
    const auto tried = fit_lags(grid, level, {lags, level.least.size(), training.input_names.size()});
    if (!tried) break;
    for (LagChoice& choice : choices) {
      const double error = validation_error(*tried, training, split.windows, choice.reach);
      if (!(error < kLessByMoreLags * choice.least - kRounding)) continue;
      choice.least = error;
      choice.lags = lags;
    }
  }
  return choices;
}

}  // namespace

std::vector<std::unique_ptr<Rival>> fit_arx(const TimeSeries& training) {
  const Level level = level_of(training);
  const std::optional<double> step = even_step(training);
  if (!step) return {};
  const EvenGrid grid{*step, segments_of(training, level.units, *step)};
  const auto [near, far] = choose_lags(training, level, *step);
  std::vector<std::unique_ptr<Rival>> rivals;
  for (const std::size_t lags : std::set{near.lags, far.lags})
    if (auto fitted = fit_lags(grid, level, {lags, training.state_names.size(), training.input_names.size()}))
      rivals.push_back(std::move(fitted));
  return rivals;
}

}  // namespace costate::internal

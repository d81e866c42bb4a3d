// What the rivals share: the past as they see it, and answers that are never NaN.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "costate/series/forecaster.h"
#include "costate/series/normalization.h"

namespace costate::internal {

enum class Outside { kNearest, kNan };

/// State `column` at a time, linear between the cells that were measured among the samples up to `last`. Before the
/// first and after the last of these: the nearest one, or NaN. NaN if there is none.
double measured_at(const Trajectory& trajectory, std::size_t column, std::size_t last, double time, Outside outside);

/// The last of the samples up to `last` at which state `column` was measured; nothing if there is none.
std::optional<std::size_t> last_measured(const Trajectory& trajectory, std::size_t column, std::size_t last);

/// Input `column` at a time, linear between the samples up to `last`; the nearest one outside of them.
double past_input(const Trajectory& trajectory, std::size_t last, double time, std::size_t column);

/// What every rival knows of the training part.
struct Level {
  Normalization units;
  std::vector<double> least, most;  // of each state
};
Level level_of(const TimeSeries& training);

/// Where there is no answer, the mean stands.
class Rival : public Forecaster {
 public:
  Rival(Level level, std::string name) : level_(std::move(level)), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  std::vector<HostArray> forecast(std::span<const ForecastTask> tasks) const final;

 protected:
  std::size_t num_states() const { return level_.least.size(); }
  const Level& level() const { return level_; }
  /// Within the range of the training, widened by its width on both sides: a map that blows up stays a number.
  double bounded(std::size_t state, double value) const;

 private:
  /// Fills `out`, [ahead, state].
  virtual void forecast_one(const ForecastTask& task, std::span<double> out) const = 0;

  Level level_;
  std::string name_;
};

}  // namespace costate::internal

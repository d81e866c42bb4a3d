// What forecasts a time series: a fitted model, or a rival of few numbers that it has to beat.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "costate/array/time_series.h"

namespace costate {

/// What is taken for the inputs after an origin. Who forecasts seldom knows them.
enum class InputsAhead {
  kKnown,   // as they will be
  kHold,    // the last known row, for ever
  kRepeat,  // as one period before; held where that is before the trajectory's start
};

struct InputAssumption {
  InputsAhead ahead = InputsAhead::kKnown;
  double period = 0;  // in the series' time; of kRepeat only, which holds the inputs if it is 0
};

/// A forecast that is asked for: of the `ahead` samples after `origin`, at the trajectory's own times.
struct ForecastTask {
  const Trajectory* trajectory = nullptr;  // of its states and inputs, those up to the origin may be looked at
  std::size_t origin = 0;
  std::size_t ahead = 0;
  HostArray inputs = {};  // [ahead, input], as assumed: what is known of the inputs after the origin
};

/// The task with its inputs filled in. InvalidArgument if the trajectory ends before.
ForecastTask forecast_task(const Trajectory& trajectory, std::size_t origin, std::size_t ahead,
                           const InputAssumption& inputs);

/// What a model may lack.
enum class Remedy { kMemory, kClock, kTimeAsClock, kLinearField, kCovariates, kData };

/// What a model that is beaten by a forecaster may lack: the option that gives it, and how one knows.
struct Advice {
  Remedy remedy;
  std::string option;  // "--clock day"
  std::string reason;  // "it repeats itself after 1 day"

  bool operator==(const Advice&) const = default;
};

/// What tables and progress call a fitted model.
inline constexpr const char* kModelName = "neural ODE";

class Forecaster {
 public:
  virtual ~Forecaster() = default;

  /// As tables name it: "ARX, 4 lags".
  virtual std::string name() const = 0;
  /// To whom is beaten by this one; empty if nothing follows from it.
  virtual std::vector<Advice> advice() const { return {}; }
  /// One [ahead, state] a task, in the data's units; NaN where it cannot say.
  virtual std::vector<HostArray> forecast(std::span<const ForecastTask> tasks) const = 0;
};

}  // namespace costate

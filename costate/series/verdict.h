// Whether a model is worth using: its errors by horizon beside those of its rivals, and what follows, in words.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "costate/io/json.h"
#include "costate/series/forecaster.h"
#include "costate/series/normalization.h"
#include "costate/series/windows.h"

namespace costate {

/// How far ahead forecasts are compared.
struct Horizon {
  std::size_t samples = 0;  // ahead of an origin; of the whole: those of the longest stretch
  bool is_whole = false;    // all samples that are held out, from the last one before; otherwise the last one alone
  double duration = 0;      // the median time that so many samples take; NaN without an origin
  std::size_t origins = 0;
  std::vector<std::size_t> cells = {};  // measured ones that are compared, a state
};

/// Of one forecaster at one horizon. Nothing where nothing was measured, or where most answers are missing.
struct HorizonError {
  std::vector<std::optional<double>> rmse = {};  // a state, in the data's units
  std::optional<double> relative = {};           // over all cells, each in deviations of its state in training
  std::size_t missing = 0;                       // measured cells for which there was no answer, or no finite one
};

struct Verdict {
  std::string time_name;
  TimeScale time_scale;
  std::vector<std::string> state_names;
  bool has_inputs = false;
  InputAssumption inputs;                     // what was taken for them, if there are any
  std::vector<std::string> forecasters = {};  // the model, if there is one, then its rivals
  bool has_model = false;
  std::vector<Horizon> horizons = {};
  std::vector<std::vector<HorizonError>> errors = {};  // [forecaster][horizon], all at a horizon over the same cells
  std::vector<std::optional<std::size_t>> best_rival = {};  // [horizon], of `forecasters`
  std::vector<std::string> sentences = {};                  // for people: use it or not, how far, what else to try

  /// By more than a tenth than the best rival, or with missing answers. Nothing is worse where nothing was measured.
  bool model_is_worse(std::size_t horizon) const;
};

struct JudgeOptions {
  InputAssumption inputs = {};
  std::optional<double> period = {};       // becomes a horizon of its own
  std::vector<std::size_t> horizons = {};  // in samples; empty: 1, 10, 100, 1000 and the period, to a half
  std::vector<Remedy> in_use = {};         // what the model had: it is no advice any more
  std::size_t most_origins = 200;          // of a horizon, spread over what is held out
};

/// Judges forecasts of the `held` windows of `series`: each from origins at and after the sample before the window, or
/// the first one of a whole trajectory, as far as the window reaches; none bridges a gap (between_gaps). `units` are
/// those of the training part. The model may be null: then the rivals are compared and there are no sentences.
Verdict judge(const TimeSeries& series, std::span<const Window> held, const Normalization& units,
              const Forecaster* model, std::span<const Forecaster* const> rivals, const JudgeOptions& options = {});

/// "24 samples (1 day)", "all 116 samples (2.4 days)".
std::string horizon_text(const Verdict& verdict, std::size_t horizon);

/// "With the inputs held at their last value", "With the inputs of 1 day before"; "" if there are none.
std::string inputs_text(const Verdict& verdict);

/// Relative errors, a line a forecaster, a column a horizon; "-" where nothing was measured.
std::string format_table(const Verdict& verdict);

/// All of it, for metrics.json; null for what was not measured.
JsonObject to_json(const Verdict& verdict);

}  // namespace costate

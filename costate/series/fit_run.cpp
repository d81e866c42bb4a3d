#include "costate/series/fit_run.h"

#include <cmath>
#include <memory>
#include <system_error>
#include <utility>

#include "costate/base/communicator.h"
#include "costate/base/error.h"
#include "costate/base/version.h"
#include "costate/exec/machine.h"
#include "costate/io/csv.h"
#include "costate/io/files.h"
#include "costate/io/json.h"
#include "costate/io/table.h"
#include "costate/series/forecast.h"
#include "costate/series/look.h"

namespace costate {
namespace {

void check_same_run(const FitConfig& earlier, const FitConfig& now, const RunFolder& run) {
  if (earlier.data == now.data && earlier.data_digest != now.data_digest)
    throw InvalidArgument("[fit] the data in '", now.data, "' have changed since '", run.path().string(),
                          "' was begun; start a new run.");
  if (earlier.judge == now.judge && earlier.judge_digest != now.judge_digest)
    throw InvalidArgument("[fit] the data in '", now.judge, "' have changed since '", run.path().string(),
                          "' was begun; start a new run.");
  const std::string difference = first_difference(earlier, now);
  if (!difference.empty())
    throw InvalidArgument("[fit] '", run.path().string(), "' was begun with another config: ", difference,
                          "; resume it with the same options, or start a new run.");
}

void open_run(const FitConfig& config, const std::filesystem::path& folder, RunMode mode) {
  if (mode != RunMode::kResume) {
    const RunFolder run =
        RunFolder::create(folder, mode == RunMode::kReplace ? ExistingRun::kReplace : ExistingRun::kRefuse);
    Config written = config.to_config();
    written.set("", "version", version());
    write_config(run.config(), written);
    return;
  }
  const RunFolder run = RunFolder::open(folder);
  remove_abandoned_files(folder);
  if (!read_config(run.config()).has("", "version"))
    throw InvalidArgument("[fit] '", run.path().string(),
                          "' was begun by an earlier Costate, which trained in another way; start a new run. Its model "
                          "can still be used.");
  check_same_run(read_fit_config(run), config, run);
}

/// Makes or checks the folder, and keeps it from other runs.
std::unique_ptr<RunLock> take_folder(const FitConfig& config, const std::filesystem::path& folder, RunMode mode) {
  if (mode == RunMode::kResume) {
    RunFolder::open(folder);
  } else {
    std::error_code ignored;  // RunFolder::create says what is wrong
    if (mode == RunMode::kNew && RunFolder::is_run(folder))
      throw InvalidArgument("[fit] '", folder.string(),
                            "' already holds a run; resume it, replace it or choose another folder.");
    std::filesystem::create_directories(folder, ignored);
  }
  auto lock = std::make_unique<RunLock>(folder);
  open_run(config, folder, mode);
  return lock;
}

JsonObject error_metrics(const ForecastError& error, const std::vector<std::string>& states) {
  JsonObject rmse;
  const auto number = [](const std::optional<double>& value) { return value.value_or(std::nan("")); };  // null
  for (std::size_t k = 0; k < error.rmse.size(); ++k) rmse.push_back({states[k], number(error.rmse[k])});
  return {{"rmse", rmse}, {"relative", number(error.relative)}};
}

/// "trial 1: 16 wide, windows of 50": its error of the validation part.
JsonObject trial_metrics(const FitResult& result) {
  JsonObject trials;
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    const Trial& trial = result.trials[i];
    trials.push_back(
        {text::concat("trial ", i + 1, ": ", trial.candidate.text()), JsonObject{{"epochs", trial.epochs},
                                                                                 {"trained", trial.trained},
                                                                                 {"ended_by", name(trial.reason)},
                                                                                 {"best_epoch", trial.best_epoch},
                                                                                 {"validation_error", trial.error}}});
  }
  return trials;
}

JsonObject metrics_of(const FitResult& result) {
  double forward = 0, backward = 0, failed = 0, skipped = 0;
  for (const HistoryRow& row : result.training.history) {
    forward += row.nfe_forward;
    backward += row.nfe_backward;
    failed += row.failed;
    skipped += row.skipped;
  }
  JsonObject metrics = {{"epochs", static_cast<std::int64_t>(result.training.history.size())},
                        {"ended_by", result.was_stopped ? kInterrupt : name(result.training.reason)},
                        {"best_epoch", result.training.best_epoch},
                        {"best_loss", result.training.best_loss},
                        {"seconds", result.training.seconds()},
                        {"nfe_forward", forward},
                        {"nfe_backward", backward},
                        {"failed_solves", failed},
                        {"skipped_steps", skipped},
                        {"gradient_error", result.gradient_error}};
  JsonObject errors;
  for (const ForecastError& error : result.errors)
    errors.push_back({error.model, error_metrics(error, result.model().state_names())});
  metrics.push_back({"hold_out_error", errors});
  if (result.coverage) metrics.push_back({"coverage", result.coverage->to_json(result.model().state_names())});
  if (result.ensemble.members().size() > 1)
    metrics.push_back({"members", static_cast<std::int64_t>(result.ensemble.members().size())});
  if (result.verdict) metrics.push_back({"verdict", to_json(*result.verdict)});
  if (result.verdict_unknown) metrics.push_back({"verdict_inputs_unknown", to_json(*result.verdict_unknown)});
  metrics.push_back({"parts", JsonObject{{"training", static_cast<std::int64_t>(result.parts.training)},
                                         {"validation", static_cast<std::int64_t>(result.parts.validation)},
                                         {"test", static_cast<std::int64_t>(result.parts.test)}}});
  metrics.push_back({"chosen", result.chosen.candidate.text()});
  metrics.push_back({"trials", trial_metrics(result)});
  metrics.push_back({"version", version()});
  JsonObject outliers;
  for (const Outliers& found : result.outliers)
    outliers.push_back({found.column, static_cast<std::int64_t>(found.count)});
  metrics.push_back({"outliers", outliers});
  JsonObject limits;
  for (std::size_t k = 0; k < result.series.state_names.size(); ++k)
    limits.push_back({result.series.state_names[k], static_cast<std::int64_t>(count_beyond_limits(result.series, k))});
  metrics.push_back({"beyond_limits", limits});
  return metrics;
}

/// What was held out, as forecast.
void write_held_forecast(const std::filesystem::path& path, const FitResult& result) {
  Forecast forecast{.series = result.series};
  forecast.series.input_names.clear();
  forecast.series.trajectories.clear();
  for (const StatePath& stretch : result.forecast_samples) {
    forecast.series.trajectories.push_back(
        {.id = result.series.trajectories[stretch.trajectory].id,
         .times = stretch.times,
         .states = stretch.states.middle,
         .inputs = HostArray(Shape{static_cast<std::int64_t>(stretch.times.size()), 0})});
    if (!result.ensemble.has_bands()) continue;
    forecast.lower.push_back(stretch.states.lower);
    forecast.upper.push_back(stretch.states.upper);
  }
  write_csv(path, forecast_columns(forecast));
}

/// What is fitted and, if they are wanted, the lines about it. Completes the config's digests.
std::pair<PreparedSeries, std::string> read_and_prepare(FitConfig& config, bool wants_lines) {
  const std::string bytes = read_file(config.data);
  config.data_digest = digest_of(bytes);
  const CsvTable table = parse_table(bytes, config.data, config.model.columns.layout);
  TimeSeries series = series_from_table(table, config.model.columns);
  TimeSeries judge = read_judge(config, series);
  PreparedSeries prepared = prepare_fit(std::move(series), config, std::move(judge));
  std::string lines = wants_lines ? describe(table, config.model.columns) + describe(prepared) : "";
  return {std::move(prepared), std::move(lines)};
}

}  // namespace

FitConfig read_fit_config(const RunFolder& run) { return fit_config_from(read_config(run.config())); }

Ensemble read_models(const RunFolder& run) {
  if (!std::filesystem::exists(run.model()))
    throw DataError("[fit] '", run.path().string(),
                    "' has no model yet: its fit is still at work, or was stopped; "
                    "wait for it, or go on with 'costate fit --resume --out ",
                    run.path().string(), "'.");
  return Ensemble::load(run.model());
}

TimeSeries read_fit_data(const RunFolder& run) {
  const FitConfig config = read_fit_config(run);
  std::error_code error;
  if (!std::filesystem::exists(config.data, error))
    throw DataError("[fit] the data of the fit, '", config.data, "', are not there; give them with --data FILE.");
  const std::string bytes = read_file(config.data);
  if (digest_of(bytes) != config.data_digest)
    throw DataError("[fit] the data of the fit, '", config.data,
                    "', have changed since; say with --data FILE which ones to take.");
  return series_from_table(parse_table(bytes, config.data, config.model.columns.layout), config.model.columns);
}

TimeSeries read_judge(FitConfig& config, const TimeSeries& series) {
  if (config.judge.empty()) return {};
  const std::string bytes = read_file(config.judge);
  config.judge_digest = digest_of(bytes);
  if (config.judge_digest == config.data_digest)
    throw DataError("[fit] '", config.judge, "' holds what the model is fitted to; judge it by other data.");
  SeriesColumns columns = config.model.columns;
  columns.time_scale = series.time_scale;
  return series_from_table(parse_table(bytes, config.judge, columns.layout), columns);
}

FitResult fit_run(FitConfig config, const std::filesystem::path& folder, RunMode mode, FitOptions options,
                  const std::function<void(const std::string&)>& on_data) {
  config.check();
  auto [prepared, lines] = read_and_prepare(config, on_data != nullptr);
  check_ranks_agree("fit", text::concat(config.to_config().to_toml(), "version ", version(), ", ", simd_target()),
                    "ranks that share a fit need the same options, data, Costate and kind of processor.");
  std::unique_ptr<RunLock> lock;
  first_rank_then_all("fit", [&] { lock = take_folder(config, folder, mode); });
  const RunFolder run = RunFolder::open(folder);
  options.checkpoint = run.checkpoint();
  options.fingerprint = config.to_config().to_toml();
  if (options.device != Device::kCpu)
    options.fingerprint = text::concat("# device ", name(options.device), "\n", options.fingerprint);
  options.stopped = run.stopped();
  options.resume = mode == RunMode::kResume ? Resume::kYes : Resume::kNo;
  if (on_data) on_data(lines);
  const auto trained = [&] {
    try {
      return fit(std::move(prepared), config, options);
    } catch (...) {
      if (mode != RunMode::kResume && this_rank() == 0) run.remove_if_untrained();
      throw;
    }
  };
  FitResult result = trained();
  if (this_rank() != 0) return result;
  result.ensemble.save(run.model());
  write_history(run.history(), result.training.history);
  std::error_code ignored;
  std::filesystem::remove(run.report(), ignored);  // of an earlier stop; whoever writes one does it last
  write_json(run.metrics(), metrics_of(result));
  if (!result.forecast_samples.empty()) write_held_forecast(run.forecast(), result);
  return result;
}

}  // namespace costate

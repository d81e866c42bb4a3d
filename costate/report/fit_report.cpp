#include "costate/report/fit_report.h"

#include <algorithm>
#include <cmath>

#include "costate/report/data_section.h"
#include "costate/report/shown_paths.h"

namespace costate {
namespace {

constexpr std::size_t kMostNames = 8;          // in the title
constexpr int kTraining = 0, kValidation = 1;  // palette: blue, vermilion

/// Through the epochs that have a number: validation is not measured in each.
Curve history_curve(const FitResult& result, const std::string& name, double HistoryRow::*value, int color) {
  std::vector<HistoryRow> rows = result.training.history;
  std::erase_if(rows, [value](const HistoryRow& row) { return !std::isfinite(row.*value); });
  return Curve{.name = name, .color = color}.through(
      rows, [](const HistoryRow& row) { return row.epoch + 1; }, value);
}

std::string shown(const std::optional<double>& error) { return error ? text::number(*error) : "not measured"; }

/// Errors by how far ahead, and what follows.
void add_verdict(const Verdict& verdict, Section& section) {
  const std::string inputs = inputs_text(verdict);
  Table table{.header = {"relative"},
              .rows = {},
              .caption = text::concat(inputs, inputs.empty() ? "Forecasts" : ": forecasts",
                                      " from many origins, so far ahead; the last column is one forecast of all.")};
  for (std::size_t h = 0; h < verdict.horizons.size(); ++h) table.header.push_back(horizon_text(verdict, h));
  for (std::size_t f = 0; f < verdict.forecasters.size(); ++f) {
    table.rows.push_back({verdict.forecasters[f]});
    for (const HorizonError& error : verdict.errors[f]) table.rows.back().push_back(shown(error.relative));
  }
  section.blocks.push_back(table);
  for (const std::string& sentence : verdict.sentences) section.blocks.emplace_back(Paragraph{sentence});
}

Section error_section(const FitResult& result) {
  Section section{"Error of the forecast", {}};
  Table table{.header = {"model"},
              .caption =
                  "Root mean square over what was held out, in the data's units; 'relative' "
                  "counts each state in units of its standard deviation in training."};
  for (const std::string& state : result.series.state_names) table.header.push_back(state);
  table.header.push_back("relative");
  for (const ForecastError& error : result.errors) {
    table.rows.push_back({error.model});
    for (const std::optional<double>& rmse : error.rmse) table.rows.back().push_back(shown(rmse));
    table.rows.back().push_back(shown(error.relative));
  }
  section.blocks = {table};
  for (const std::optional<Verdict>* verdict : {&result.verdict, &result.verdict_unknown})
    if (*verdict) add_verdict(**verdict, section);
  if (result.coverage) section.blocks.push_back(Paragraph{result.coverage->text()});
  return section;
}

/// Step sizes of one prediction over the data of the first stretch with a fit, from the first fitted state to a gap.
/// Not of a multistep method, whose steps CVODE keeps to itself.
Figure step_figure(const FitResult& result, const ShownPaths& shown) {
  const StatePath& start = shown.fitted.front();
  const auto seen = std::ranges::find(shown.stretches, start.trajectory, &Window::trajectory);
  std::vector<double> times;
  for (const Window& stretch : between_gaps(result.series, *seen, result.model().normalization().time_scale))
    if (times.empty() || times.back() <= start.times.front()) times = times_of(result.series, stretch);
  times.erase(times.begin(), std::upper_bound(times.begin(), times.end(), start.times.front()));
  times.insert(times.begin(), start.times.front());
  const Trajectory& trajectory = result.series.trajectories[start.trajectory];
  SeriesModel::Query query{.start = start.states.middle.row(0),
                           .times = std::move(times),
                           .covariates = trajectory.covariates,
                           .events = trajectory.events};
  if (!result.series.input_names.empty()) {
    query.input_times = trajectory.times;
    query.inputs = trajectory.inputs;
  }
  const Curve curve = Curve{.name = "accepted steps", .mark = Mark::kSteps}.through(
      result.model().steps(query), &AcceptedStep::t, &AcceptedStep::size);
  Figure figure{.title = "step sizes along a solve over the data shown", .y_label = "step size", .curves = {curve}};
  set_time_axis(result.series, figure);
  return figure;
}

Section training_section(const FitResult& result, const ShownPaths& shown) {
  Figure loss{.title = "loss", .x_label = "epoch", .y_label = name(result.config.loss), .y_scale = Scale::kLog};
  loss.curves.push_back(history_curve(result, "training", &HistoryRow::loss, kTraining));
  Curve validation =
      history_curve(result, "error of validation forecasts, in deviations", &HistoryRow::validation_loss, kValidation);
  if (!validation.y.empty()) loss.curves.push_back(validation);
  // A loss of 0, of data that do not move, has no logarithm.
  const bool has_logarithm = std::any_of(loss.curves.begin(), loss.curves.end(), [](const Curve& curve) {
    return std::any_of(curve.y.begin(), curve.y.end(), [](double y) { return y > 0 && std::isfinite(y); });
  });
  if (!has_logarithm) loss.y_scale = Scale::kLinear;
  Figure evaluations{.title = "evaluations of the field per epoch", .x_label = "epoch", .y_label = "NFE"};
  evaluations.curves.push_back(history_curve(result, "forward", &HistoryRow::nfe_forward, kTraining));
  evaluations.curves.push_back(history_curve(result, "backward", &HistoryRow::nfe_backward, kValidation));
  double failed = 0, skipped = 0;
  for (const HistoryRow& row : result.training.history) {
    failed += row.failed;
    skipped += row.skipped;
  }
  Section section{"Training", {Picture{loss}, Picture{evaluations}}};
  if (!is_multistep(result.config.model.solve.method)) {
    const Figure steps = step_figure(result, shown);
    if (!steps.curves[0].x.empty()) section.blocks.push_back(Picture{steps});
  }
  section.blocks.push_back(Paragraph{text::concat(
      result.training.history.size(), " epochs in ", text::number(result.training.seconds()), " s; the best was epoch ",
      result.training.best_epoch + 1, ". Failed solves: ", failed, ", skipped steps: ", skipped, ".",
      result.training.reason == StopReason::kConverged ? " It ended where no step lowered the loss any more." : "")});
  return section;
}

Section repeat_section(const FitResult& result) {
  return {"To repeat it",
          {Paragraph{"The configuration, as in config.toml of the run folder. States are normalized to mean 0 and "
                     "deviation 1, time to units in "
                     "which states move by about 1; the loss is in these units."},
           Listing{result.config.to_config().to_toml()}}};
}

}  // namespace

Report fit_report(const FitResult& result) {
  const std::vector<std::string>& states = result.config.model.columns.states;
  Report report{
      .title = text::concat("Neural ODE of ",
                            states.size() <= kMostNames ? text::join(states) : text::concat(states.size(), " states")),
      .subtitle = text::concat("fitted to ", result.config.data)};
  const ShownPaths shown = shown_paths(result);
  report.sections.push_back(data_section(result, shown));
  if (!result.errors.empty()) report.sections.push_back(error_section(result));
  report.sections.push_back(training_section(result, shown));
  report.sections.push_back(repeat_section(result));
  return report;
}

void write_fit_report(const std::filesystem::path& path, const FitResult& result) {
  write_report(path, fit_report(result));
}

}  // namespace costate

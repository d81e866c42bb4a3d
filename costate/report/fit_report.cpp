#include "costate/report/fit_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/report/shown_paths.h"

namespace costate {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostPanels = 4;                // states drawn over time
constexpr std::size_t kMostNames = 8;                 // in the title
constexpr std::size_t kMostPoints = 300;              // that can be told apart; more are dots
constexpr int kArrowsAcross = 19;                     // of the vector field
constexpr int kSeen = 6, kFitted = 0, kForecast = 1;  // palette: black, blue, vermilion

std::string time_label(const FitResult& result) {
  const TimeScale& scale = result.series.time_scale;
  return scale.unit.empty() ? result.series.time_name
                            : text::concat(result.series.time_name, " (", scale.unit, " since ", scale.origin, ")");
}

std::size_t num_states(const FitResult& result) { return result.config.model.columns.states.size(); }

std::vector<double> column_of(const FitResult& result, const Window& stretch, std::size_t state) {
  const HostArray& states = result.series.trajectories[stretch.trajectory].states;
  const std::int64_t width = states.shape()[1];
  std::vector<double> column;
  for (std::size_t i = stretch.first; i < stretch.first + stretch.count; ++i)
    column.push_back(states.at(static_cast<std::int64_t>(i) * width + static_cast<std::int64_t>(state)));
  return column;
}

std::vector<double> times_of(const FitResult& result, const Window& stretch) {
  const auto first =
      result.series.trajectories[stretch.trajectory].times.begin() + static_cast<std::ptrdiff_t>(stretch.first);
  return {first, first + static_cast<std::ptrdiff_t>(stretch.count)};
}

/// "hare, trajectory 3, samples 1 … 2000 of 100000"
std::string title_of(const FitResult& result, const Window& stretch, std::size_t state) {
  const Trajectory& seen = result.series.trajectories[stretch.trajectory];
  const bool is_all = stretch.count == seen.times.size();
  return text::concat(result.series.state_names[state], seen.id.empty() ? "" : ", trajectory ", seen.id,
                      is_all ? ""
                             : text::concat(", samples ", stretch.first + 1, " … ", stretch.first + stretch.count,
                                            " of ", seen.times.size()));
}

/// Paths of a trajectory one after the other, with gaps between. Axis -1 is time.
void append_paths(const std::vector<StatePath>& paths, std::size_t trajectory, int axis, std::vector<double>& numbers) {
  for (const StatePath& path : paths) {
    if (path.trajectory != trajectory) continue;
    for (std::size_t i = 0; i < path.times.size(); ++i)
      numbers.push_back(axis < 0 ? path.times[i] : path.states[i][static_cast<std::size_t>(axis)]);
    numbers.push_back(kGap);
  }
}

void add_curves(const ShownPaths& shown, std::size_t trajectory, int x_axis, int y_axis, Curve seen, Figure& figure) {
  // Below the lines, which many points would hide.
  seen.name = "data";
  seen.mark = seen.x.size() > kMostPoints ? Mark::kDots : Mark::kPoints;
  seen.color = kSeen;
  figure.curves.push_back(std::move(seen));
  const auto add = [&](const std::vector<StatePath>& paths, Curve curve) {
    append_paths(paths, trajectory, x_axis, curve.x);
    append_paths(paths, trajectory, y_axis, curve.y);
    if (!curve.x.empty()) figure.curves.push_back(std::move(curve));
  };
  add(shown.fitted, {.name = "fit", .color = kFitted});
  add(shown.forecasts, {.name = "forecast", .mark = Mark::kDashed, .color = kForecast});
}

Figure time_figure(const FitResult& result, const ShownPaths& shown, const Window& stretch, std::size_t state) {
  std::vector<double> times = times_of(result, stretch);
  Figure figure{.title = title_of(result, stretch, state),
                .x_label = time_label(result),
                .y_label = result.series.state_names[state]};
  for (const Window& held : result.split.held)
    if (held.trajectory == stretch.trajectory) {
      const std::size_t joint = std::max<std::size_t>(held.first, 1) - 1;
      figure.bands.push_back({times[std::max(joint, stretch.first) - stretch.first], times.back(), "held out"});
    }
  add_curves(shown, stretch.trajectory, -1, static_cast<int>(state),
             {.x = std::move(times), .y = column_of(result, stretch, state)}, figure);
  return figure;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  explicit Range(const Figure& figure, std::vector<double> Curve::*axis) {
    for (const Curve& curve : figure.curves)
      for (const double value : curve.*axis) {
        if (!std::isfinite(value)) continue;
        low = std::min(low, value);
        high = std::max(high, value);
      }
    const double margin = high > low ? 0.08 * (high - low) : 1.0;
    low -= margin;
    high += margin;
  }
};

/// Arrows of the learned field in the plane of the first two states, the others at their mean. Lengths show speed by
/// its square root, so that slow places stay readable.
void add_field(const FitResult& result, Figure& figure) {
  const Range x(figure, &Curve::x), y(figure, &Curve::y);
  std::vector<std::vector<double>> states;
  for (int i = 0; i < kArrowsAcross; ++i)
    for (int j = 0; j < kArrowsAcross; ++j) {
      states.push_back(result.model.normalization().state_offset);
      states.back()[0] = x.low + (x.high - x.low) * i / (kArrowsAcross - 1);
      states.back()[1] = y.low + (y.high - y.low) * j / (kArrowsAcross - 1);
    }
  const std::vector<std::vector<double>> slopes = result.model.slopes(states);
  const double width = x.high - x.low, height = y.high - y.low;
  const auto speed = [&](const std::vector<double>& slope) { return std::hypot(slope[0] / width, slope[1] / height); };
  double fastest = 0;
  for (const auto& slope : slopes) fastest = std::max(fastest, speed(slope));
  if (!(fastest > 0) || !std::isfinite(fastest)) return;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (speed(slopes[i]) == 0) continue;
    const double length = std::sqrt(speed(slopes[i]) / fastest) / (kArrowsAcross - 1) / speed(slopes[i]);
    figure.arrows.push_back({states[i][0], states[i][1], slopes[i][0] * length, slopes[i][1] * length});
  }
}

Figure phase_figure(const FitResult& result, const ShownPaths& shown) {
  Figure figure{.title = "phase portrait and learned field",
                .x_label = result.series.state_names[0],
                .y_label = result.series.state_names[1],
                .width = 640,
                .height = 520};
  for (const Window& stretch : shown.stretches)
    add_curves(shown, stretch.trajectory, 0, 1,
               {.x = column_of(result, stretch, 0), .y = column_of(result, stretch, 1)}, figure);
  for (std::size_t i = 3; i < figure.curves.size(); ++i)
    figure.curves[i].name.clear();  // one legend for all trajectories
  add_field(result, figure);
  return figure;
}

Curve history_curve(const FitResult& result, const std::string& name, double HistoryRow::*value, int color) {
  const auto epoch = [](const HistoryRow& row) { return row.epoch + 1; };
  return Curve{.name = name, .color = color}.through(result.training.history, epoch, value);
}

Section data_section(const FitResult& result, const ShownPaths& shown) {
  Section section{"Data and fit", {}};
  if (!result.split.held.empty())
    section.blocks.push_back(Paragraph{
        "Points are the data. The solid line is the model on windows that it was trained on, each from its learned "
        "start; the dashed line is its forecast of what was held out."});
  if (result.windows.trained < result.windows.all)
    section.blocks.push_back(Paragraph{text::concat("It was ", result.windows.text(), ", spread over the data.")});
  if (!result.outliers.empty()) {
    std::vector<std::string> found;
    for (const Outliers& outliers : result.outliers) found.push_back(outliers.text());
    section.blocks.push_back(Paragraph{text::concat("Taken as not measured: ", text::join(found), ".")});
  }
  for (const Window& stretch : shown.stretches)
    for (std::size_t state = 0; state < std::min(num_states(result), kMostPanels); ++state)
      section.blocks.push_back(Picture{time_figure(result, shown, stretch, state)});
  if (result.series.state_names.size() >= 2)
    section.blocks.push_back(Picture{phase_figure(result, shown),
                                     "Arrows: direction and (by its square root) speed of the learned field; further "
                                     "states and inputs are at their mean."});
  return section;
}

std::string shown(const std::optional<double>& error) { return error ? text::number(*error) : "not measured"; }

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
  for (const std::string& sentence : result.verdict->sentences) section.blocks.push_back(Paragraph{sentence});
  return section;
}

/// Step sizes of one prediction over the data of the first stretch shown, from the first fitted state to a gap.
Figure step_figure(const FitResult& result, const ShownPaths& shown) {
  const StatePath& start = shown.fitted.front();
  std::vector<double> times;
  for (const Window& stretch :
       between_gaps(result.series, shown.stretches.front(), result.model.normalization().time_scale))
    if (times.empty() || times.back() <= start.times.front()) times = times_of(result, stretch);
  times.erase(times.begin(), std::upper_bound(times.begin(), times.end(), start.times.front()));
  times.insert(times.begin(), start.times.front());
  const Trajectory& trajectory = result.series.trajectories[start.trajectory];
  SeriesModel::Query query{.start = start.states.front(),
                           .times = std::move(times),
                           .covariates = trajectory.covariates,
                           .events = trajectory.events};
  if (!result.series.input_names.empty()) {
    query.input_times = trajectory.times;
    query.inputs = trajectory.inputs;
  }
  const Curve curve = Curve{.name = "accepted steps", .mark = Mark::kSteps}.through(
      result.model.steps(query), &AcceptedStep::t, &AcceptedStep::size);
  return {.title = "step sizes along a solve over the data shown",
          .x_label = time_label(result),
          .y_label = "step size",
          .curves = {curve}};
}

Section training_section(const FitResult& result, const ShownPaths& shown) {
  Figure loss{.title = "loss", .x_label = "epoch", .y_label = name(result.config.loss), .y_scale = Scale::kLog};
  loss.curves.push_back(history_curve(result, "training", &HistoryRow::loss, kFitted));
  Curve validation = history_curve(result, "validation", &HistoryRow::validation_loss, kForecast);
  if (std::ranges::any_of(validation.y, [](double y) { return std::isfinite(y); })) loss.curves.push_back(validation);
  // A loss of 0, of data that do not move, has no logarithm.
  const bool has_logarithm = std::any_of(loss.curves.begin(), loss.curves.end(), [](const Curve& curve) {
    return std::any_of(curve.y.begin(), curve.y.end(), [](double y) { return y > 0 && std::isfinite(y); });
  });
  if (!has_logarithm) loss.y_scale = Scale::kLinear;
  Figure evaluations{.title = "evaluations of the field per epoch", .x_label = "epoch", .y_label = "NFE"};
  evaluations.curves.push_back(history_curve(result, "forward", &HistoryRow::nfe_forward, kFitted));
  evaluations.curves.push_back(history_curve(result, "backward", &HistoryRow::nfe_backward, kForecast));
  double failed = 0, skipped = 0;
  for (const HistoryRow& row : result.training.history) {
    failed += row.failed;
    skipped += row.skipped;
  }
  Section section{"Training", {Picture{loss}, Picture{evaluations}}};
  const Figure steps = step_figure(result, shown);
  if (!steps.curves[0].x.empty()) section.blocks.push_back(Picture{steps});
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

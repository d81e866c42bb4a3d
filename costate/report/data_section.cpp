#include "costate/report/data_section.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <string>

#include "costate/series/time_text.h"

namespace costate {
namespace {

constexpr double kGap = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostPoints = 300;                          // that can be told apart; more are dots
constexpr std::size_t kMostPortraits = 4;                         // trajectories of the phase portrait
constexpr int kArrowsAcross = 19;                                 // of the vector field
constexpr int kSeen = 6, kFitted = 0, kForecast = 1, kInput = 2;  // palette: black, blue, vermilion, green

std::size_t num_states(const FitResult& result) { return result.config.model.columns.states.size(); }

std::vector<double> column_of(const HostArray& cells, const Window& stretch, std::size_t column) {
  const std::int64_t width = cells.shape()[1];
  std::vector<double> numbers;
  for (std::size_t i = stretch.first; i < stretch.first + stretch.count; ++i)
    numbers.push_back(cells.at(static_cast<std::int64_t>(i) * width + static_cast<std::int64_t>(column)));
  return numbers;
}

/// "hare, trajectory 3, samples 1 … 800 of 100000"
std::string title_of(const FitResult& result, const Window& stretch, const std::string& column) {
  const Trajectory& seen = result.series.trajectories[stretch.trajectory];
  const bool is_all = stretch.count == seen.times.size();
  return text::concat(column, seen.id.empty() ? "" : ", trajectory ", seen.id,
                      is_all ? ""
                             : text::concat(", samples ", stretch.first + 1, " … ", stretch.first + stretch.count,
                                            " of ", seen.times.size()));
}

/// What of a path is drawn, at one of its times.
using PointOf = std::function<double(const StatePath& path, std::size_t point)>;

double time_at(const StatePath& path, std::size_t point) { return path.times[point]; }

PointOf cell_of(HostArray BandedPath::*cells, std::size_t state) {
  return [cells, state](const StatePath& path, std::size_t point) { return (path.states.*cells)(point, state); };
}

/// Of the parts of paths that lie in a stretch, one after the other, with gaps between.
std::vector<double> along(const FitResult& result, const std::vector<StatePath>& paths, const Window& stretch,
                          const PointOf& point_of) {
  const std::vector<double>& times = result.series.trajectories[stretch.trajectory].times;
  const double begin = times[stretch.first], end = times[stretch.first + stretch.count - 1];
  std::vector<double> numbers;
  for (const StatePath& path : paths) {
    if (path.trajectory != stretch.trajectory || path.times.front() >= end || path.times.back() <= begin) continue;
    for (std::size_t i = 0; i < path.times.size(); ++i)
      if (path.times[i] >= begin && path.times[i] <= end) numbers.push_back(point_of(path, i));
    numbers.push_back(kGap);
  }
  return numbers;
}

struct Axes {
  int x = -1, y = 0;
};

void add_curves(const FitResult& result, const ShownPaths& shown, const Window& stretch, const Axes& axes, Curve seen,
                Figure& figure) {
  // Below the lines, which many points would hide.
  seen.name = "data";
  seen.mark = seen.x.size() > kMostPoints ? Mark::kDots : Mark::kPoints;
  seen.color = kSeen;
  figure.curves.push_back(std::move(seen));
  const auto coordinate = [](int axis) {
    return axis < 0 ? PointOf(time_at) : cell_of(&BandedPath::middle, static_cast<std::size_t>(axis));
  };
  const auto add = [&](const std::vector<StatePath>& paths, Curve curve) {
    curve.x = along(result, paths, stretch, coordinate(axes.x));
    curve.y = along(result, paths, stretch, coordinate(axes.y));
    if (!curve.x.empty()) figure.curves.push_back(std::move(curve));
  };
  add(shown.fitted, {.name = "fit", .color = kFitted});
  add(shown.forecasts, {.name = "forecast", .mark = Mark::kDashed, .color = kForecast});
}

/// Where nine of ten measurements are expected, along a forecast with members of several seeds.
void add_area(const FitResult& result, const ShownPaths& shown, const Window& stretch, std::size_t state,
              Figure& figure) {
  if (!result.ensemble.has_bands()) return;
  Area area{.name = text::concat(std::lround(100 * kBandShare), " %"),
            .x = along(result, shown.forecasts, stretch, time_at),
            .low = along(result, shown.forecasts, stretch, cell_of(&BandedPath::lower, state)),
            .high = along(result, shown.forecasts, stretch, cell_of(&BandedPath::upper, state)),
            .color = kForecast};
  if (!area.x.empty()) figure.areas.push_back(std::move(area));
}

/// Shades what of the stretch was held out, from the sample before.
void add_bands(const FitResult& result, const Window& stretch, Figure& figure) {
  const std::vector<double> times = times_of(result.series, stretch);
  for (const Window& held : result.split.held) {
    const std::size_t joint = origin_before(held);
    if (held.trajectory != stretch.trajectory || joint + 1 >= stretch.first + stretch.count) continue;
    figure.bands.push_back({times[std::max(joint, stretch.first) - stretch.first], times.back(), "held out"});
  }
}

Figure time_figure(const FitResult& result, const ShownPaths& shown, const Window& stretch, std::size_t state) {
  const std::string& name = result.series.state_names[state];
  Figure figure{.title = title_of(result, stretch, name), .y_label = name};
  add_bands(result, stretch, figure);
  add_area(result, shown, stretch, state, figure);
  add_curves(result, shown, stretch, {.y = static_cast<int>(state)},
             {.x = times_of(result.series, stretch),
              .y = column_of(result.series.trajectories[stretch.trajectory].states, stretch, state)},
             figure);
  set_time_axis(result.series, figure);
  return figure;
}

Figure input_figure(const FitResult& result, const Window& stretch, std::size_t input) {
  const std::string& name = result.series.input_names[input];
  const bool is_held = result.config.model.interpolation == Interpolation::kHold;
  Figure figure{.title = title_of(result, stretch, name), .y_label = name, .height = 200};
  add_bands(result, stretch, figure);
  figure.curves.push_back({.name = "input",
                           .x = times_of(result.series, stretch),
                           .y = column_of(result.series.trajectories[stretch.trajectory].inputs, stretch, input),
                           .mark = is_held ? Mark::kSteps : Mark::kLine,
                           .color = kInput});
  set_time_axis(result.series, figure);
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
      states.push_back(result.model().normalization().state_offset);
      states.back()[0] = x.low + (x.high - x.low) * i / (kArrowsAcross - 1);
      states.back()[1] = y.low + (y.high - y.low) * j / (kArrowsAcross - 1);
    }
  const std::vector<std::vector<double>> slopes = result.model().slopes(states);
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
  for (std::size_t i = 0; i < std::min(shown.stretches.size(), kMostPortraits); ++i) {
    const Window& stretch = shown.stretches[i];
    const HostArray& states = result.series.trajectories[stretch.trajectory].states;
    add_curves(result, shown, stretch, {.x = 0, .y = 1},
               {.x = column_of(states, stretch, 0), .y = column_of(states, stretch, 1)}, figure);
  }
  std::set<std::string> named;  // one legend for all trajectories, of which not each has a fit and a forecast
  for (Curve& curve : figure.curves)
    if (!named.insert(curve.name).second) curve.name.clear();
  add_field(result, figure);
  return figure;
}

std::size_t states_drawn(const FitResult& result) { return std::min(num_states(result), kMostStates); }

std::size_t inputs_drawn(const FitResult& result) { return std::min(result.series.input_names.size(), kMostInputs); }

void add_large(const FitResult& result, const ShownPaths& shown, const Window& stretch, Section& section) {
  for (std::size_t state = 0; state < states_drawn(result); ++state)
    section.blocks.push_back(Picture{time_figure(result, shown, stretch, state)});
  for (std::size_t input = 0; input < inputs_drawn(result); ++input)
    section.blocks.push_back(Picture{input_figure(result, stretch, input)});
}

/// Trajectories side by side, a sheet for each state and each input.
std::vector<Picture> small_pictures(const FitResult& result, const ShownPaths& shown,
                                    std::span<const Window> stretches) {
  constexpr int kAcross = 3;
  const CellSize cell{.width = 320, .height = 240};
  const std::size_t states = states_drawn(result);
  std::vector<Picture> pictures;
  for (std::size_t row = 0; row < states + inputs_drawn(result); ++row) {
    std::vector<Figure> panels;
    for (const Window& stretch : stretches)
      panels.push_back(row < states ? time_figure(result, shown, stretch, row)
                                    : input_figure(result, stretch, row - states));
    pictures.push_back({Sheet(std::move(panels), kAcross, cell)});
  }
  return pictures;
}

/// Folded pages of all that was measured.
void add_pages(const FitResult& result, const Pages& pages, Section& section) {
  std::size_t first = 1;
  for (const ShownPaths& page : pages.pages) {
    const std::size_t last = first + page.stretches.size() - 1;
    section.blocks.push_back(Folded{text::concat("All data, pictures ", first, " to ", last, " of ", pages.drawn),
                                    small_pictures(result, page, page.stretches)});
    first = last + 1;
  }
  if (pages.drawn < pages.all && pages.drawn > 0)
    section.blocks.push_back(
        Paragraph{text::concat("These are ", pages.drawn, " of ", pages.all, " parts of the data, spread over all.")});
}

}  // namespace

void set_time_axis(const TimeSeries& series, Figure& figure) {
  const TimeScale& scale = series.time_scale;
  figure.x_label = series.time_name;
  const auto origin = scale.unit.empty() ? std::nullopt : time_of_text(scale.origin, {"seconds", "1970-01-01", {}});
  if (!origin) return;
  constexpr double kDay = 86400;
  const auto date = [&](double& x) { x = *origin + (scale.unit == "days" ? kDay : 1) * x; };
  for (Curve& curve : figure.curves) std::ranges::for_each(curve.x, date);
  for (Area& area : figure.areas) std::ranges::for_each(area.x, date);
  for (Band& band : figure.bands) {
    date(band.from);
    date(band.to);
  }
  figure.x_scale = Scale::kDate;
}

std::vector<double> times_of(const TimeSeries& series, const Window& stretch) {
  const auto first = series.trajectories[stretch.trajectory].times.begin() + static_cast<std::ptrdiff_t>(stretch.first);
  return {first, first + static_cast<std::ptrdiff_t>(stretch.count)};
}

Section data_section(const FitResult& result, const ShownPaths& shown) {
  Section section{"Data and fit", {}};
  if (!result.split.held.empty())
    section.blocks.push_back(Paragraph{
        "Points are the data. The solid line is the model on windows that it was trained on, each from its learned "
        "start; the dashed line is its forecast of what was held out."});
  if (result.coverage)
    section.blocks.push_back(
        Paragraph{text::concat("The forecast is the mean of ", result.ensemble.members().size(),
                               " models of other first weights. The area around it is to hold nine of ten "
                               "measurements: it comes from what the "
                               "models differ by, and from how far the validation part lay from their forecasts.")});
  if (result.windows.trained < result.windows.all)
    section.blocks.push_back(Paragraph{text::concat("It was ", result.windows.text(), ", spread over the data.")});
  if (!result.outliers.empty()) {
    std::vector<std::string> found;
    for (const Outliers& outliers : result.outliers) found.push_back(outliers.text());
    section.blocks.push_back(Paragraph{text::concat("Taken as not measured: ", text::join(found), ".")});
  }
  const std::size_t held = result.split.held.size();
  const std::size_t large = shown.held > 1 ? shown.stretches.size() - shown.held : shown.stretches.size();
  for (std::size_t i = 0; i < large; ++i) add_large(result, shown, shown.stretches[i], section);
  if (large < shown.stretches.size())
    for (Picture& picture : small_pictures(result, shown, std::span(shown.stretches).subspan(large)))
      section.blocks.push_back(std::move(picture));
  if (shown.held < held)
    section.blocks.push_back(
        Paragraph{text::concat("Of ", held, " trajectories that were held out, ", shown.held, " are drawn.")});
  add_pages(result, pages_of(result, shown), section);
  if (result.series.state_names.size() >= 2)
    section.blocks.push_back(Picture{phase_figure(result, shown),
                                     "Arrows: direction and (by its square root) speed of the learned field; further "
                                     "states and inputs are at their mean."});
  return section;
}

}  // namespace costate

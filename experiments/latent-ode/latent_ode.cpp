// The latent ODE on spirals (Chen et al. 2018, section 5.1, table 2 and figure 8), with the recognition nets of that
// paper and of Rubanova et al. 2019, against the recurrent net of table 2.
#include <algorithm>
#include <array>
#include <cmath>

#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

constexpr double kNoise = 0.1;       // sd of the data's
constexpr double kLikelihood = 0.3;  // sd in the likelihood, that of the authors' code
constexpr double kUnit = 5;          // the nets see coordinates in units of the spirals' distance from the origin
constexpr double kContinuity = 30;   // its weight; without the term, forecasts go astray behind the data

/// A row of table 2 of the paper.
struct PublishedErrors {
  std::int64_t observed;
  double rnn, latent_ode;
};
constexpr std::array<PublishedErrors, 3> kPublished = {
    {{30, 0.3937, 0.1642}, {50, 0.3202, 0.1502}, {100, 0.1813, 0.1346}}};

struct LatentEffort {
  std::int64_t train, test;            // spirals
  std::int64_t rnn, ode_rnn, gap_rnn;  // epochs
};

LatentEffort effort_of(const Request& request) {
  if (request.quick) return {.train = 512, .test = 100, .rnn = 600, .ode_rnn = 300, .gap_rnn = 600};
  return {.train = 1000, .test = 200, .rnn = 800, .ode_rnn = 500, .gap_rnn = 1500};
}

LatentFitOptions training(std::int64_t epochs, const Request& request) {
  return {.deviation = kLikelihood / kUnit,
          .train = {.epochs = epochs,
                    .batch = 128,  // full tiles for two cores
                    .seed = request.seed,
                    .optimizer = {.clip_norm = 1000},
                    .schedule = {.kind = ScheduleKind::kCosine, .base = 0.01}},
          .dtype = Dtype::kF32};
}

HostArray scaled(HostArray array, double factor) {
  for (double& number : array.data<double>()) number *= factor;
  return array;
}

/// What a net sees of spirals.
IrregularSeries seen_of(const Spirals& spirals) { return {spirals.times, scaled(spirals.observations, 1 / kUnit)}; }

/// Points of the spirals' grid, which models are asked for: kSpiralWindow from row `first` on, back in time if `step`
/// is -1.
struct GridRows {
  std::int64_t first, step;

  std::int64_t operator[](std::int64_t i) const { return first + step * i; }
};
constexpr GridRows kBehind = {2 * kSpiralWindow, 1}, kBefore = {kSpiralWindow - 1, -1};

/// Root mean square error, over samples, points and both coordinates, of points [sample, time, 2] against truth without
/// noise.
double error_of(const HostArray& points, const Spirals& spirals, const GridRows& rows) {
  double sum = 0;
  for (std::int64_t sample = 0; sample < spirals.count(); ++sample)
    for (std::int64_t i = 0; i < kSpiralWindow; ++i)
      for (std::int64_t k = 0; k < 2; ++k) sum += std::pow(points(sample, i, k) - spirals.truth(sample, rows[i], k), 2);
  return std::sqrt(sum / static_cast<double>(points.size()));
}

/// A latent ODE on spirals that it was not trained on.
struct Judged {
  double behind_error = 0, before_error = 0;  // over the kSpiralWindow points there
  double seconds = 0;                         // of training
  HostArray behind, within, latent;           // of Row::test: points [sample, time, 2]; latent states within
  HostArray before, within_late;              // of Row::late
};

/// What one number of observations gave.
struct Row {
  PublishedErrors published = {};
  Spirals test = {}, late = {};  // whose points behind, or before, their windows are inside windows of the training
  Judged rnn = {}, ode_rnn = {};
  double gap_rnn_error = 0, gap_rnn_seconds = 0;
  HostArray gap_rnn_forecast = {};
};

/// Times of the grid [sample, time], the same for each sample.
HostArray grid_times(const Spirals& spirals, const GridRows& rows) {
  HostArray times(Shape{spirals.count(), kSpiralWindow});
  for (std::int64_t sample = 0; sample < spirals.count(); ++sample)
    for (std::int64_t i = 0; i < kSpiralWindow; ++i)
      times.set({sample, i}, spirals.grid[static_cast<std::size_t>(rows[i])]);
  return times;
}

/// kSpiralWindow times for each sample between its first observation and its last.
HostArray times_within(const Spirals& spirals) {
  HostArray times(Shape{spirals.count(), kSpiralWindow});
  for (std::int64_t sample = 0; sample < spirals.count(); ++sample) {
    const std::vector<double> seen = spirals.times.row(sample);
    for (std::int64_t i = 0; i < kSpiralWindow; ++i)
      times.set({sample, i}, seen.front() + (seen.back() - seen.front()) * static_cast<double>(i + 1) /
                                                static_cast<double>(kSpiralWindow));
  }
  return times;
}

Judged judge(const LatentOde& model, const Spirals& train, const Row& row, const LatentFitOptions& training) {
  const IrregularSeries test = seen_of(row.test), late = seen_of(row.late);
  const auto points = [&](const IrregularSeries& seen, const HostArray& times) {
    return scaled(predict(model, seen, times).x, kUnit);
  };
  Judged judged;
  judged.seconds = fit(model, seen_of(train), training).seconds();
  judged.behind = points(test, grid_times(row.test, kBehind));
  const LatentPaths within = predict(model, test, times_within(row.test));
  judged.within = scaled(within.x, kUnit);
  judged.latent = within.latent;
  judged.before = points(late, grid_times(row.late, kBefore));
  judged.within_late = points(late, times_within(row.late));
  judged.behind_error = error_of(judged.behind, row.test, kBehind);
  judged.before_error = error_of(judged.before, row.late, kBefore);
  return judged;
}

Row study(const PublishedErrors& published, const LatentEffort& effort, const Request& request) {
  SpiralOptions data{.count = effort.train, .observed = published.observed, .noise = kNoise, .seed = 3 * request.seed};
  const Spirals train = spirals(data);
  Row row{.published = published};
  data.count = effort.test;
  data.last_start = 199;
  ++data.seed;
  row.test = spirals(data);
  data.first_start = 200;
  data.last_start = 299;
  ++data.seed;
  row.late = spirals(data);
  const auto tell = [&](const std::string& what, double error, double seconds) {
    request.tell(published.observed, " observations, ", what, ": RMSE ", text::number(error), " after ",
                 text::number(seconds, 3), " s");
  };
  LatentOdeOptions latent;
  latent.observed = 2;
  latent.continuity = kContinuity;
  latent.seed = request.seed;
  row.rnn = judge(LatentOde(latent), train, row, training(effort.rnn, request));
  tell("latent ODE with an RNN encoder", row.rnn.behind_error, row.rnn.seconds);
  latent.encoder = Encoder::kOdeRnn;
  row.ode_rnn = judge(LatentOde(latent), train, row, training(effort.ode_rnn, request));
  tell("latent ODE with an ODE-RNN encoder", row.ode_rnn.behind_error, row.ode_rnn.seconds);
  const GapRnn rnn({.observed = 2, .seed = request.seed});
  row.gap_rnn_seconds = fit(rnn, seen_of(train), training(effort.gap_rnn, request)).seconds();
  row.gap_rnn_forecast = scaled(forecast(rnn, seen_of(row.test), grid_times(row.test, kBehind)), kUnit);
  row.gap_rnn_error = error_of(row.gap_rnn_forecast, row.test, kBehind);
  tell("RNN", row.gap_rnn_error, row.gap_rnn_seconds);
  return row;
}

/// A square around the spiral's centre, of one size for all.
Figure spiral_figure(const Row& row, std::int64_t sample, std::vector<Curve> curves) {
  const bool is_clockwise = sample % 2 == 0;
  const double centre = is_clockwise ? -5 : 5;
  constexpr double kHalfWidth = 4.7;
  return {.title = text::concat(is_clockwise ? "clockwise, " : "counter-clockwise, ", row.published.observed,
                                " observations"),
          .x_label = "x",
          .y_label = "y",
          .curves = std::move(curves),
          .aspect = Aspect::kEqual,
          .x_range = {centre - kHalfWidth, centre + kHalfWidth},
          .y_range = {-kHalfWidth, kHalfWidth}};
}

const Curve kTruth{.name = "truth", .mark = Mark::kDashed, .color = 6},
    kObserved{.name = "observed", .mark = Mark::kPoints, .color = 6}, kWithin{.name = "latent ODE, within", .color = 0};

Figure forward_figure(const Row& row, std::int64_t sample) {
  const Curve rnn{.name = "RNN, beyond", .color = 3}, beyond{.name = "latent ODE, beyond", .color = 1};
  return spiral_figure(row, sample,
                       {kTruth.through(row.test.truth[sample].slice(kSpiralWindow, 3 * kSpiralWindow)),
                        kObserved.through(row.test.observations[sample]), rnn.through(row.gap_rnn_forecast[sample]),
                        kWithin.through(row.ode_rnn.within[sample]), beyond.through(row.ode_rnn.behind[sample])});
}

Figure backward_figure(const Row& row, std::int64_t sample) {
  const Curve back{.name = "latent ODE, back in time", .color = 2};
  return spiral_figure(row, sample,
                       {kTruth.through(row.late.truth[sample].slice(0, 2 * kSpiralWindow)),
                        kObserved.through(row.late.observations[sample]),
                        kWithin.through(row.ode_rnn.within_late[sample]), back.through(row.ode_rnn.before[sample])});
}

/// The latent states in their first two components, coloured by the direction of the spiral.
Figure latent_figure(const Row& row) {
  Figure figure{.title = "latent trajectories, first two components", .x_label = "z1", .y_label = "z2"};
  for (std::int64_t sample = 0; sample < 20; ++sample) {
    Curve style =
        sample % 2 == 0 ? Curve{.name = "clockwise", .color = 0} : Curve{.name = "counter-clockwise", .color = 1};
    if (sample > 1) style.name.clear();  // one legend for all
    figure.curves.push_back(style.through(row.ode_rnn.latent[sample]));
  }
  return figure;
}

/// Error over the number of observations, measured and published.
Figure error_figure(const std::vector<Row>& rows) {
  // A single row is a point and no line.
  const Mark mark = rows.size() == 1 ? Mark::kPoints : Mark::kLine;
  const auto measured = [&](const std::string& name, int color, auto error) {
    const auto observed = [](const Row& row) { return row.published.observed; };
    return Curve{.name = name, .mark = mark, .color = color}.through(rows, observed, error);
  };
  const auto published = [](const std::string& name, int color, double PublishedErrors::*error) {
    return Curve{.name = name, .mark = Mark::kDashed, .color = color}.through(kPublished, &PublishedErrors::observed,
                                                                              error);
  };
  return {
      .title = "error beyond the observations",
      .x_label = "observations of 100",
      .y_label = "RMSE",
      .curves = {published("latent ODE, published", 6, &PublishedErrors::latent_ode),
                 published("RNN, published", 4, &PublishedErrors::rnn),
                 measured("latent ODE, RNN encoder", 0, [](const Row& row) { return row.rnn.behind_error; }),
                 measured("latent ODE, ODE-RNN encoder", 1, [](const Row& row) { return row.ode_rnn.behind_error; }),
                 measured("RNN", 3, &Row::gap_rnn_error)},
      .y_scale = Scale::kLog,
      .x_range = {20, 110}};
}

Table table_of(const std::vector<Row>& rows) {
  Table table{
      .header = {"observations", "latent ODE, RNN encoder", "latent ODE, ODE-RNN encoder", "RNN",
                 "latent ODE, published", "RNN, published", "back in time, ODE-RNN encoder", "seconds of training"},
      .caption =
          "Root mean square error on 100 points beyond the last observation, over unseen spirals and both "
          "coordinates, against the curve without noise."};
  for (const Row& row : rows)
    table.add(row.published.observed, row.rnn.behind_error, row.ode_rnn.behind_error, row.gap_rnn_error,
              row.published.latent_ode, row.published.rnn, row.ode_rnn.before_error,
              text::concat(text::number(row.rnn.seconds, 3), ", ", text::number(row.ode_rnn.seconds, 3), ", ",
                           text::number(row.gap_rnn_seconds, 3)));
  return table;
}

Section protocol(const LatentEffort& effort) {
  return {
      "Protocol",
      {Paragraph{text::concat(
          effort.train, " spirals to train on and ", effort.test,
          " others to test, half of them clockwise, on the curves of the authors' latent_ode.py; windows of 100 of 500 "
          "points, observed at n of them without replacement, with Gaussian noise of deviation ",
          kNoise, " (the paper does not state its own; the likelihood has ", kLikelihood,
          ", that of the code). Windows start at points 100 to 299 to train, 100 to 199 to test the 100 points behind "
          "the window, and 200 to 299 to test the 100 points before it: what is asked for lies where other windows of "
          "the training lay. The loss has a continuity term of weight ",
          kContinuity, ": the state that is read from the second half of the observations lies on the path.")}}};
}

/// Of one number of observations; the quick version is held to a looser limit.
std::vector<Metric> metrics_of(const Row& row, const Request& request) {
  const std::string n = text::concat(row.published.observed, " of 100 observed: ");
  const std::string latent = text::number(row.published.latent_ode), rnn = text::number(row.published.rnn);
  const double limit = request.quick ? 1.0 : row.published.latent_ode;
  const double worst = std::max(row.rnn.behind_error, row.ode_rnn.behind_error);
  // Without gaps between the observations, forecasting is an autoregression on a fixed step, and the RNN's task.
  const Bound against_rnn = row.published.observed < kSpiralWindow ? Bound::kAtMost : Bound::kNone;
  return {at_most(limit, n + "RMSE of the latent ODE, RNN encoder", row.rnn.behind_error, latent),
          at_most(limit, n + "RMSE of the latent ODE, ODE-RNN encoder", row.ode_rnn.behind_error, latent),
          told(n + "RMSE of the RNN", row.gap_rnn_error, rnn),
          {n + "worse latent ODE over RNN, RMSE", worst / row.gap_rnn_error, against_rnn, 1,
           text::number(row.published.latent_ode / row.published.rnn)},
          told(n + "back in time, RMSE of the latent ODE, RNN encoder", row.rnn.before_error),
          told(n + "back in time, RMSE of the latent ODE, ODE-RNN encoder", row.ode_rnn.before_error)};
}

}  // namespace

Outcome latent_ode(const Request& request) {
  const LatentEffort effort = effort_of(request);
  std::vector<Row> rows;
  for (const PublishedErrors& published : kPublished)
    if (!request.quick || published.observed == 50) rows.push_back(study(published, effort, request));
  const Row& shown = rows.front();
  Outcome outcome{.title = "Latent ODEs of irregular spirals",
                  .figure = Sheet({forward_figure(shown, 0), forward_figure(shown, 1), backward_figure(shown, 0),
                                   backward_figure(shown, 1), latent_figure(shown), error_figure(rows)},
                                  2, {.width = 520, .height = 440}),
                  .caption =
                      "Spirals that were not trained on: a latent ODE (ODE-RNN encoder) reconstructs them from few "
                      "noisy points, and goes "
                      "on beyond them (top) and back before them (middle). Bottom: its latent paths, and the errors.",
                  .sections = {{"Numbers", {table_of(rows)}}, protocol(effort)}};
  for (const Row& row : rows)
    for (Metric& metric : metrics_of(row, request)) outcome.metrics.push_back(std::move(metric));
  return outcome;
}

}  // namespace costate::experiments

// The latent ODE on spirals (Chen et al. 2018, section 5.1, table 2 and figure 8), with the recognition nets of that
// paper and of Rubanova et al. 2019, against the recurrent net of table 2.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "experiments/experiment.h"
#include "experiments/latent-ode/forecasters.h"

namespace costate::experiments {
namespace {

constexpr double kNoise = 0.1;       // sd of the data's
constexpr double kLikelihood = 0.3;  // sd in the likelihood, that of the authors' code
constexpr double kContinuity = 30;   // its weight; without the term, forecasts go astray behind the data

/// A row of table 2 of the paper.
struct Published {
  std::int64_t observed;
  double rnn, latent_ode;
};
constexpr std::array<Published, 3> kPublished = {{{30, 0.3937, 0.1642}, {50, 0.3202, 0.1502}, {100, 0.1813, 0.1346}}};

struct Effort {
  std::int64_t train, test;
  Training rnn, ode_rnn, gap_rnn;
};

Effort effort_of(const Request& request) {
  const auto training = [&](std::int64_t epochs) {
    return Training{.epochs = epochs, .noise = kLikelihood, .seed = request.seed};
  };
  if (request.quick)
    return {.train = 512, .test = 100, .rnn = training(600), .ode_rnn = training(300), .gap_rnn = training(600)};
  return {.train = 1000, .test = 200, .rnn = training(800), .ode_rnn = training(500), .gap_rnn = training(1500)};
}

/// Root mean square error, over samples, points and both coordinates, of points [sample, time, 2] against truth without
/// noise from row `first` on, which goes back in time if `step` is -1.
double error_of(const HostArray& points, const Spirals& truth, std::int64_t first, std::int64_t step) {
  const std::int64_t count = points.shape()[1];
  double sum = 0;
  for (std::int64_t sample = 0; sample < truth.count(); ++sample)
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t k = 0; k < 2; ++k) {
        const double exact = truth.truth.at((sample * 3 * kSpiralWindow + first + step * i) * 2 + k);
        const double error = points.at((sample * count + i) * 2 + k) - exact;
        sum += error * error;
      }
  return std::sqrt(sum / static_cast<double>(points.size()));
}

/// A latent ODE on spirals that it was not trained on.
struct Judged {
  double behind_error = 0, before_error = 0;  // over the kSpiralWindow points there
  double seconds = 0;                         // of training
  Paths behind, within;                       // of Row::test
  Paths before, within_late;                  // of Row::late
};

/// What one number of observations gave.
struct Row {
  Published published = {};
  Spirals test = {}, late = {};  // whose points behind, or before, their windows are inside windows of the training
  Judged rnn = {}, ode_rnn = {};
  double gap_rnn_error = 0, gap_rnn_seconds = 0;
  HostArray gap_rnn_forecast = {};
};

/// kSpiralWindow times of the grid for each sample, from row `first` on, `step` apart.
HostArray grid_times(const Spirals& spirals, std::int64_t first, std::int64_t step) {
  HostArray times(Shape{spirals.count(), kSpiralWindow});
  for (std::int64_t i = 0; i < times.size(); ++i)
    times.set(i, spirals.grid[static_cast<std::size_t>(first + step * (i % kSpiralWindow))]);
  return times;
}

/// kSpiralWindow times for each sample between its first observation and its last.
HostArray times_within(const Spirals& spirals) {
  const std::int64_t n = spirals.times.shape()[1];
  HostArray times(Shape{spirals.count(), kSpiralWindow});
  for (std::int64_t i = 0; i < times.size(); ++i) {
    const double first = spirals.times.at(i / kSpiralWindow * n),
                 last = spirals.times.at(i / kSpiralWindow * n + n - 1);
    times.set(i,
              first + (last - first) * static_cast<double>(i % kSpiralWindow + 1) / static_cast<double>(kSpiralWindow));
  }
  return times;
}

Judged judge(const LatentOde& model, const Spirals& train, const Row& row, const Training& training) {
  Judged judged;
  judged.seconds = fit(model, train, training).seconds;
  judged.behind = predict(model, row.test, grid_times(row.test, 2 * kSpiralWindow, 1));
  judged.within = predict(model, row.test, times_within(row.test));
  judged.before = predict(model, row.late, grid_times(row.late, kSpiralWindow - 1, -1));
  judged.within_late = predict(model, row.late, times_within(row.late));
  judged.behind_error = error_of(judged.behind.points, row.test, 2 * kSpiralWindow, 1);
  judged.before_error = error_of(judged.before.points, row.late, kSpiralWindow - 1, -1);
  return judged;
}

Row study(const Published& published, const Effort& effort, const Request& request) {
  const Spirals train =
      spirals({.count = effort.train, .observed = published.observed, .noise = kNoise, .seed = 3 * request.seed});
  Row row{.published = published};
  row.test = spirals({.count = effort.test,
                      .observed = published.observed,
                      .last_start = 199,
                      .noise = kNoise,
                      .seed = 3 * request.seed + 1});
  row.late = spirals({.count = effort.test,
                      .observed = published.observed,
                      .first_start = 200,
                      .noise = kNoise,
                      .seed = 3 * request.seed + 2});
  const auto tell = [&](const std::string& what, double error, double seconds) {
    request.say(text::concat(published.observed, " observations, ", what, ": RMSE ", text::number(error), " after ",
                             text::number(seconds, 3), " s"));
  };
  LatentOdeOptions latent;
  latent.observed = 2;
  latent.continuity = kContinuity;
  latent.seed = request.seed;
  row.rnn = judge(LatentOde(latent), train, row, effort.rnn);
  tell("latent ODE with an RNN encoder", row.rnn.behind_error, row.rnn.seconds);
  latent.encoder = Encoder::kOdeRnn;
  row.ode_rnn = judge(LatentOde(latent), train, row, effort.ode_rnn);
  tell("latent ODE with an ODE-RNN encoder", row.ode_rnn.behind_error, row.ode_rnn.seconds);
  const GapRnn rnn({.observed = 2, .seed = request.seed});
  row.gap_rnn_seconds = fit(rnn, train, effort.gap_rnn).seconds;
  row.gap_rnn_forecast = forecast(rnn, row.test, grid_times(row.test, 2 * kSpiralWindow, 1));
  row.gap_rnn_error = error_of(row.gap_rnn_forecast, row.test, 2 * kSpiralWindow, 1);
  tell("RNN", row.gap_rnn_error, row.gap_rnn_seconds);
  return row;
}

/// The two coordinates of rows of sample `sample` of [sample, time, width].
Curve curve_of(const HostArray& points, std::int64_t sample, Curve style) {
  const std::int64_t count = points.shape()[1], width = points.shape()[2];
  for (std::int64_t i = 0; i < count; ++i) {
    style.x.push_back(points.at((sample * count + i) * width));
    style.y.push_back(points.at((sample * count + i) * width + 1));
  }
  return style;
}

/// Two windows of a curve over all three.
Curve part_of(Curve curve, std::int64_t first) {
  for (auto* numbers : {&curve.x, &curve.y})
    *numbers = std::vector<double>(numbers->begin() + first, numbers->begin() + first + 2 * kSpiralWindow);
  return curve;
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
          .y_range = {-kHalfWidth, kHalfWidth},
          .width = 520,
          .height = 440};
}

Figure forward_figure(const Row& row, std::int64_t sample) {
  return spiral_figure(
      row, sample,
      {part_of(curve_of(row.test.truth, sample, {.name = "truth", .mark = Mark::kDashed, .color = 6}), kSpiralWindow),
       curve_of(row.test.observations, sample, {.name = "observed", .mark = Mark::kPoints, .color = 6}),
       curve_of(row.gap_rnn_forecast, sample, {.name = "RNN, beyond", .color = 3}),
       curve_of(row.ode_rnn.within.points, sample, {.name = "latent ODE, within", .color = 0}),
       curve_of(row.ode_rnn.behind.points, sample, {.name = "latent ODE, beyond", .color = 1})});
}

Figure backward_figure(const Row& row, std::int64_t sample) {
  return spiral_figure(
      row, sample,
      {part_of(curve_of(row.late.truth, sample, {.name = "truth", .mark = Mark::kDashed, .color = 6}), 0),
       curve_of(row.late.observations, sample, {.name = "observed", .mark = Mark::kPoints, .color = 6}),
       curve_of(row.ode_rnn.within_late.points, sample, {.name = "latent ODE, within", .color = 0}),
       curve_of(row.ode_rnn.before.points, sample, {.name = "latent ODE, back in time", .color = 2})});
}

/// The latent states in their first two components, coloured by the direction of the spiral.
Figure latent_figure(const Row& row) {
  Figure figure{.title = "latent trajectories, first two components",
                .x_label = "z1",
                .y_label = "z2",
                .width = 520,
                .height = 440};
  for (std::int64_t sample = 0; sample < 20; ++sample) {
    const bool is_clockwise = sample % 2 == 0;
    figure.curves.push_back(curve_of(row.ode_rnn.within.latent, sample,
                                     {.name = sample > 1     ? ""
                                              : is_clockwise ? "clockwise"
                                                             : "counter-clockwise",
                                      .color = is_clockwise ? 0 : 1}));
  }
  return figure;
}

/// Error over the number of observations, measured and published.
Figure error_figure(const std::vector<Row>& rows) {
  Curve rnn{.name = "latent ODE, RNN encoder", .color = 0}, ode_rnn{.name = "latent ODE, ODE-RNN encoder", .color = 1},
      gap_rnn{.name = "RNN", .color = 3},
      latent_published{.name = "latent ODE, published", .mark = Mark::kDashed, .color = 6},
      rnn_published{.name = "RNN, published", .mark = Mark::kDashed, .color = 4};
  const auto add = [](Curve& curve, std::int64_t observed, double error) {
    curve.x.push_back(static_cast<double>(observed));
    curve.y.push_back(error);
  };
  for (const Published& published : kPublished) {
    add(latent_published, published.observed, published.latent_ode);
    add(rnn_published, published.observed, published.rnn);
  }
  for (const Row& row : rows) {
    add(rnn, row.published.observed, row.rnn.behind_error);
    add(ode_rnn, row.published.observed, row.ode_rnn.behind_error);
    add(gap_rnn, row.published.observed, row.gap_rnn_error);
  }
  if (rows.size() == 1)
    for (Curve* curve : {&rnn, &ode_rnn, &gap_rnn}) curve->mark = Mark::kPoints;
  return {.title = "error beyond the observations",
          .x_label = "observations of 100",
          .y_label = "RMSE",
          .curves = {latent_published, rnn_published, rnn, ode_rnn, gap_rnn},
          .y_scale = Scale::kLog,
          .x_range = {20, 110},
          .width = 520,
          .height = 440};
}

Table table_of(const std::vector<Row>& rows) {
  Table table{
      .header = {"observations", "latent ODE, RNN encoder", "latent ODE, ODE-RNN encoder", "RNN",
                 "latent ODE, published", "RNN, published", "back in time, ODE-RNN encoder", "seconds of training"},
      .rows = {},
      .caption =
          "Root mean square error on 100 points beyond the last observation, over unseen spirals and both "
          "coordinates, against the curve without noise."};
  for (const Row& row : rows)
    table.rows.push_back({std::to_string(row.published.observed), text::number(row.rnn.behind_error),
                          text::number(row.ode_rnn.behind_error), text::number(row.gap_rnn_error),
                          text::number(row.published.latent_ode), text::number(row.published.rnn),
                          text::number(row.ode_rnn.before_error),
                          text::concat(text::number(row.rnn.seconds, 3), ", ", text::number(row.ode_rnn.seconds, 3),
                                       ", ", text::number(row.gap_rnn_seconds, 3))});
  return table;
}

Section protocol(const Effort& effort) {
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
  return {{n + "RMSE of the latent ODE, RNN encoder", row.rnn.behind_error, Bound::kAtMost, limit, latent},
          {n + "RMSE of the latent ODE, ODE-RNN encoder", row.ode_rnn.behind_error, Bound::kAtMost, limit, latent},
          {n + "RMSE of the RNN", row.gap_rnn_error, Bound::kNone, 0, rnn},
          {n + "worse latent ODE over RNN, RMSE", worst / row.gap_rnn_error, against_rnn, 1,
           text::number(row.published.latent_ode / row.published.rnn)},
          {n + "back in time, RMSE of the latent ODE, RNN encoder", row.rnn.before_error},
          {n + "back in time, RMSE of the latent ODE, ODE-RNN encoder", row.ode_rnn.before_error}};
}

}  // namespace

Outcome latent_ode(const Request& request) {
  const Effort effort = effort_of(request);
  std::vector<Row> rows;
  for (const Published& published : kPublished)
    if (!request.quick || published.observed == 50) rows.push_back(study(published, effort, request));
  const Row& shown = rows.front();
  Outcome outcome{.title = "Latent ODEs of irregular spirals",
                  .figure = Sheet({forward_figure(shown, 0), forward_figure(shown, 1), backward_figure(shown, 0),
                                   backward_figure(shown, 1), latent_figure(shown), error_figure(rows)},
                                  2),
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

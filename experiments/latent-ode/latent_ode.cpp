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

constexpr double kNoise = 0.1;

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
    return Training{.epochs = epochs, .noise = kNoise, .seed = request.seed};
  };
  if (request.quick)
    return {.train = 400, .test = 100, .rnn = training(800), .ode_rnn = training(400), .gap_rnn = training(300)};
  return {.train = 1000, .test = 200, .rnn = training(3000), .ode_rnn = training(1500), .gap_rnn = training(1000)};
}

/// Root mean square errors, over test spirals, points and both coordinates, against the noiseless curve.
struct Errors {
  double behind = 0;  // 100 points beyond the last observation
  double before = 0;  // 100 points before the first one
};

/// Of points [sample, time, 2] against truth from row `first` on, which goes back in time if `step` is -1.
double error_of(const HostArray& points, const Spirals& truth, std::int64_t first, std::int64_t step) {
  const std::int64_t count = points.shape()[1];
  double sum = 0;
  for (std::int64_t sample = 0; sample < truth.count(); ++sample)
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t k = 0; k < 2; ++k) {
        const double exact = truth.truth.at((sample * 3 * kWindow + first + step * i) * 2 + k);
        const double error = points.at((sample * count + i) * 2 + k) - exact;
        sum += error * error;
      }
  return std::sqrt(sum / static_cast<double>(points.size()));
}

/// A latent ODE on the test spirals.
struct Judged {
  Errors errors;
  double seconds = 0;  // of training
  Paths behind, within, before;
};

/// What one number of observations gave.
struct Row {
  Published published = {};
  Spirals test = {};
  Judged rnn = {}, ode_rnn = {};
  double gap_rnn_error = 0, gap_rnn_seconds = 0;
  HostArray gap_rnn_forecast = {};
};

/// kWindow times of the grid for each sample, from row `first` on, `step` apart.
HostArray grid_times(const Spirals& spirals, std::int64_t first, std::int64_t step) {
  HostArray times(Shape{spirals.count(), kWindow});
  for (std::int64_t i = 0; i < times.size(); ++i)
    times.set(i, spirals.grid[static_cast<std::size_t>(first + step * (i % kWindow))]);
  return times;
}

/// kWindow times for each sample between its first observation and its last.
HostArray times_within(const Spirals& spirals) {
  const std::int64_t n = spirals.times.shape()[1];
  HostArray times(Shape{spirals.count(), kWindow});
  for (std::int64_t i = 0; i < times.size(); ++i) {
    const double first = spirals.times.at(i / kWindow * n), last = spirals.times.at(i / kWindow * n + n - 1);
    times.set(i, first + (last - first) * static_cast<double>(i % kWindow + 1) / static_cast<double>(kWindow));
  }
  return times;
}

Judged judge(const LatentOde& model, const Spirals& train, const Spirals& test, const Training& training) {
  Judged judged;
  judged.seconds = fit(model, train, training).seconds;
  judged.behind = predict(model, test, grid_times(test, 2 * kWindow, 1));
  judged.within = predict(model, test, times_within(test));
  judged.before = predict(model, test, grid_times(test, kWindow - 1, -1));
  judged.errors = {.behind = error_of(judged.behind.points, test, 2 * kWindow, 1),
                   .before = error_of(judged.before.points, test, kWindow - 1, -1)};
  return judged;
}

Row study(const Published& published, const Effort& effort, const Request& request) {
  const auto spirals_of = [&](std::int64_t count, std::int64_t last_start, std::uint64_t seed) {
    return spirals(
        {.count = count, .observed = published.observed, .last_start = last_start, .noise = kNoise, .seed = seed});
  };
  const Spirals train = spirals_of(effort.train, 299, 2 * request.seed);
  Row row{.published = published, .test = spirals_of(effort.test, 199, 2 * request.seed + 1)};
  const std::string n = std::to_string(published.observed) + " observations: ";
  const LatentOdeOptions options{.observed = 2, .seed = request.seed};
  request.say(n + "latent ODE with an RNN encoder");
  row.rnn = judge(LatentOde(options), train, row.test, effort.rnn);
  request.say(n + "latent ODE with an ODE-RNN encoder");
  LatentOdeOptions with_ode_rnn = options;
  with_ode_rnn.encoder = Encoder::kOdeRnn;
  row.ode_rnn = judge(LatentOde(with_ode_rnn), train, row.test, effort.ode_rnn);
  request.say(n + "RNN");
  const GapRnn rnn({.observed = 2, .seed = request.seed});
  row.gap_rnn_seconds = fit(rnn, train, effort.gap_rnn).seconds;
  row.gap_rnn_forecast = forecast(rnn, row.test, grid_times(row.test, 2 * kWindow, 1));
  row.gap_rnn_error = error_of(row.gap_rnn_forecast, row.test, 2 * kWindow, 1);
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

Figure spiral_figure(const Row& row, std::int64_t sample) {
  const Judged& model = row.ode_rnn;
  return {.title = text::concat(sample % 2 == 0 ? "clockwise" : "counter-clockwise", ", ", row.published.observed,
                                " observations"),
          .x_label = "x",
          .y_label = "y",
          .curves = {curve_of(row.test.truth, sample, {.name = "truth", .mark = Mark::kDashed, .color = 6}),
                     curve_of(row.gap_rnn_forecast, sample, {.name = "RNN", .color = 3}),
                     curve_of(model.within.points, sample, {.name = "latent ODE, within", .color = 0}),
                     curve_of(model.before.points, sample, {.name = "latent ODE, before", .color = 2}),
                     curve_of(model.behind.points, sample, {.name = "latent ODE, behind", .color = 1}),
                     curve_of(row.test.observations, sample, {.name = "observed", .mark = Mark::kPoints, .color = 0})},
          .aspect = Aspect::kEqual,
          .width = 480};
}

/// The latent states in their first two components, coloured by the direction of the spiral.
Figure latent_figure(const Row& row) {
  Figure figure{.title = "latent trajectories, first two components", .x_label = "z1", .y_label = "z2", .width = 480};
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

Table table_of(const std::vector<Row>& rows) {
  Table table{
      .header = {"observations", "latent ODE, RNN encoder", "latent ODE, ODE-RNN encoder", "RNN",
                 "latent ODE, published", "RNN, published", "back in time, ODE-RNN encoder", "seconds of training"},
      .rows = {},
      .caption =
          "Root mean square error on 100 points beyond the last observation, over unseen spirals and both "
          "coordinates, against the curve without noise."};
  for (const Row& row : rows)
    table.rows.push_back({std::to_string(row.published.observed), text::number(row.rnn.errors.behind),
                          text::number(row.ode_rnn.errors.behind), text::number(row.gap_rnn_error),
                          text::number(row.published.latent_ode), text::number(row.published.rnn),
                          text::number(row.ode_rnn.errors.before),
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
          kNoise, " (the paper does not state its own). Errors are on the 100 points behind the window.")}}};
}

}  // namespace

Outcome latent_ode(const Request& request) {
  const Effort effort = effort_of(request);
  std::vector<Row> rows;
  for (const Published& published : kPublished)
    if (!request.quick || published.observed == 50) rows.push_back(study(published, effort, request));
  const Row& shown = rows.front();
  Outcome outcome{
      .title = "Latent ODEs of irregular spirals",
      .figure = Sheet(
          {spiral_figure(shown, 0), spiral_figure(shown, 1), spiral_figure(shown, 2), spiral_figure(shown, 3)}, 2),
      .caption =
          "Spirals that were not trained on: a latent ODE reconstructs them from few noisy points, and goes "
          "on beyond them and back before them.",
      .sections = {
          {"Numbers", {table_of(rows)}}, {"Latent trajectories", {Picture{latent_figure(shown)}}}, protocol(effort)}};
  for (const Row& row : rows) {
    const std::string n = text::concat(row.published.observed, " of 100 observed: ");
    const double best = std::min(row.rnn.errors.behind, row.ode_rnn.errors.behind);
    outcome.metrics.push_back({n + "RMSE of the latent ODE, RNN encoder", row.rnn.errors.behind,
                               request.quick ? Bound::kNone : Bound::kAtMost, row.published.latent_ode,
                               text::number(row.published.latent_ode)});
    outcome.metrics.push_back({n + "RMSE of the latent ODE, ODE-RNN encoder", row.ode_rnn.errors.behind, Bound::kNone,
                               0, text::number(row.published.latent_ode)});
    outcome.metrics.push_back({n + "latent ODE over RNN, RMSE", best / row.gap_rnn_error, Bound::kAtMost, 1,
                               text::number(row.published.latent_ode / row.published.rnn)});
    outcome.metrics.push_back(
        {n + "RMSE of the RNN", row.gap_rnn_error, Bound::kNone, 0, text::number(row.published.rnn)});
    if (request.quick) outcome.metrics.push_back({n + "RMSE of the better latent ODE", best, Bound::kAtMost, 2.5});
  }
  return outcome;
}

}  // namespace costate::experiments

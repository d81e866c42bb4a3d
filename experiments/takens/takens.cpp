// Time-delay embedding (Takens 1981): a system learned from one of its numbers. The pendulum from theta alone, with the
// angular velocity found again, and x alone of Lotka-Volterra, Van der Pol and Lorenz.
#include <algorithm>
#include <cmath>

#include "costate/data/data.h"
#include "costate/nn/nn.h"
#include "costate/series/series.h"
#include "costate/train/train.h"
#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

/// One number of a system, measured along trajectories; the last one is held out.
struct Measured {
  std::string system, unit;
  double spacing = 0;
  std::vector<std::vector<double>> series;
  std::size_t horizon = 0;          // samples of the forecast
  std::int64_t quick_polish = 120;  // epochs of L-BFGS in the quick version
};

Measured measure(const std::string& system, const std::string& number, double spacing, int samples, std::size_t horizon,
                 const std::vector<std::vector<double>>& starts, int skipped = 0) {
  Measured measured{.system = system, .unit = number, .spacing = spacing, .series = {}, .horizon = horizon};
  for (const std::vector<double>& start : starts) {
    const int all = samples + skipped;
    const TimeSeries run = simulate(system, {.until = spacing * (all - 1), .samples = all, .start = start});
    const HostArray& states = run.trajectories[0].states;
    std::vector<double> x;
    for (std::int64_t i = skipped; i < all; ++i) x.push_back(states.at(i * states.shape()[1]));
    measured.series.push_back(std::move(x));
  }
  return measured;
}

/// How x is made a state, and how large and fast it is.
struct Embedding {
  std::size_t lag = 1, dimension = 1;
  double mean = 0, deviation = 1, rate = 1;  // rate: of change of the normalized x per unit of time
};

Embedding units_of(const Measured& measured) {
  double sum = 0, squares = 0, moves = 0, count = 0, steps = 0;
  for (const auto& x : measured.series) {
    for (const double value : x) sum += value, squares += value * value, ++count;
    for (std::size_t i = 1; i < x.size(); ++i) moves += std::pow(x[i] - x[i - 1], 2), ++steps;
  }
  Embedding units;
  units.mean = sum / count;
  units.deviation = std::sqrt(squares / count - units.mean * units.mean);
  units.rate = std::sqrt(moves / steps) / units.deviation / measured.spacing;
  return units;
}

/// States (x(t), x(t + lag), …) in units of the embedding, [trajectory, time, dimension].
HostArray embed(const std::vector<std::vector<double>>& series, const Embedding& embedding) {
  const std::size_t length = series[0].size() - (embedding.dimension - 1) * embedding.lag;
  HostArray states(Shape{static_cast<std::int64_t>(series.size()), static_cast<std::int64_t>(length),
                         static_cast<std::int64_t>(embedding.dimension)});
  std::int64_t next = 0;
  for (const auto& x : series)
    for (std::size_t i = 0; i < length; ++i)
      for (std::size_t k = 0; k < embedding.dimension; ++k)
        states.set(next++, (x[i + k * embedding.lag] - embedding.mean) / embedding.deviation);
  return states;
}

struct Learned {
  std::vector<double> forecast;  // of x over the horizon, from the held-out trajectory's first samples
  double error = 0;              // relative: root mean square over the deviation of what was to be forecast
};

Learned learn(const Measured& measured, const Embedding& embedding, const Request& request) {
  const auto d = static_cast<std::int64_t>(embedding.dimension);
  const std::int64_t width = request.quick ? 24 : 48;
  const Mlp net({.inputs = d, .hidden = {width, width}, .outputs = d, .seed = request.seed});
  const VectorField field = vector_field({d}, [&](Array, Array z) { return net(z); });
  const std::vector<std::vector<double>> seen(measured.series.begin(), measured.series.end() - 1);
  const double spacing = measured.spacing * embedding.rate;
  const TrajectoryWindows windows = cut_windows(embed(seen, embedding), spacing, {.length = 20, .stride = 15});
  const TrainResult result = fit_trajectories(field, net.parameters(), windows,
                                              {.solve = {.method = Method::kRk4, .steps_per_interval = 1},
                                               .train = {.epochs = 60,
                                                         .batch = 64,
                                                         .seed = request.seed,
                                                         .schedule = {.kind = ScheduleKind::kCosine, .base = 1e-2},
                                                         .polish = request.quick ? measured.quick_polish : 1000}});
  const HostArray held = embed({measured.series.back()}, embedding);
  HostArray start(Shape{1, d}), times(Shape{static_cast<std::int64_t>(measured.horizon)});
  for (std::int64_t k = 0; k < d; ++k) start.set(k, held.at(k));
  for (std::int64_t i = 0; i < times.size(); ++i) times.set(i, spacing * static_cast<double>(i));
  const HostArray states = solve(field, start, times, {.method = Method::kTsit5, .rtol = 1e-6, .atol = 1e-7}).states;
  Learned learned;
  const std::vector<double>& truth = measured.series.back();
  double squares = 0, sum = 0, sum_squares = 0;
  for (std::size_t i = 0; i < measured.horizon; ++i) {
    const double x = embedding.mean + embedding.deviation * states.at(static_cast<std::int64_t>(i) * d);
    learned.forecast.push_back(x);
    squares += std::isfinite(x) ? std::pow(x - truth[i], 2) : HUGE_VAL;
    sum += truth[i];
    sum_squares += truth[i] * truth[i];
  }
  learned.error = std::sqrt(squares / (sum_squares - sum * sum / static_cast<double>(measured.horizon)));
  request.say(text::concat("  from ", d, d == 1 ? " sample" : " samples", ": relative error ", learned.error, " after ",
                           result.history.back().seconds, " s"));
  return learned;
}

struct Study {
  Measured measured;
  Embedding embedding;
  std::vector<double> information, false_shares;
  Learned one, all;  // k = 1, and the embedding
};

Study study(Measured measured, const Request& request, std::size_t most_lag) {
  Study found{
      .measured = std::move(measured), .embedding = {}, .information = {}, .false_shares = {}, .one = {}, .all = {}};
  // The choice looks at one trajectory of what is trained on, at most 2,000 samples of it.
  const std::vector<double>& first = found.measured.series.front();
  const std::span<const double> looked(first.data(), std::min<std::size_t>(first.size(), request.quick ? 1000 : 2000));
  found.information = mutual_information(looked, most_lag);
  found.embedding = units_of(found.measured);
  found.embedding.lag = first_minimum(found.information);
  found.false_shares = false_neighbours(looked, found.embedding.lag, 5);
  found.embedding.dimension = std::max<std::size_t>(2, embedding_dimension(found.false_shares));
  request.say(
      text::concat(found.measured.system, ": lag ", found.embedding.lag, ", dimension ", found.embedding.dimension));
  found.all = learn(found.measured, found.embedding, request);
  Embedding one = found.embedding;
  one.dimension = 1;
  found.one = learn(found.measured, one, request);
  return found;
}

Curve over_time(const Measured& measured, const std::vector<double>& x, const std::string& name, Mark mark, int color) {
  Curve curve{.name = name, .mark = mark, .color = color};
  for (std::size_t i = 0; i < measured.horizon; ++i) {
    curve.x.push_back(measured.spacing * static_cast<double>(i));
    curve.y.push_back(x[i]);
  }
  return curve;
}

constexpr int kWidth = 560, kHeight = 320;  // of a picture of the sheet

Figure forecast_figure(const Study& s) {
  const std::string many = text::concat(s.embedding.dimension, " samples");
  Figure figure{.title = s.measured.system + " from one number",
                .x_label = s.measured.system == "pendulum" ? "time (s)" : "time (model units)",
                .y_label = s.measured.unit,
                .width = kWidth,
                .height = kHeight};
  figure.curves = {over_time(s.measured, s.measured.series.back(), "true", Mark::kLine, 6),
                   over_time(s.measured, s.one.forecast, "one sample", Mark::kLine, 5),
                   over_time(s.measured, s.all.forecast, many, Mark::kDashed, 1)};
  double low = HUGE_VAL, high = -HUGE_VAL;
  for (std::size_t i = 0; i < s.measured.horizon; ++i) {
    low = std::min(low, s.measured.series.back()[i]);
    high = std::max(high, s.measured.series.back()[i]);
  }
  figure.y_range = {low - 0.2 * (high - low), high + 0.2 * (high - low)};
  return figure;
}

constexpr int kColors[] = {0, 1, 2};  // of the systems

/// Mutual information over the lag, with the chosen ones.
Figure lag_figure(const std::vector<Study>& studies) {
  Figure figure{.title = "lag: the first minimum",
                .x_label = "lag (samples)",
                .y_label = "mutual information (nats)",
                .width = kWidth,
                .height = kHeight};
  for (std::size_t i = 0; i < studies.size(); ++i) {
    const Study& s = studies[i];
    Curve curve{.name = s.measured.system, .color = kColors[i]};
    for (std::size_t lag = 0; lag < s.information.size(); ++lag) {
      curve.x.push_back(static_cast<double>(lag));
      curve.y.push_back(s.information[lag]);
    }
    figure.curves.push_back(curve);
    figure.curves.push_back({.name = "",
                             .x = {static_cast<double>(s.embedding.lag)},
                             .y = {s.information[s.embedding.lag]},
                             .mark = Mark::kPoints,
                             .color = kColors[i]});
  }
  return figure;
}

Figure dimension_figure(const std::vector<Study>& studies) {
  Figure figure{.title = "dimension: where false neighbours end",
                .x_label = "dimension (delayed samples)",
                .y_label = "false neighbours (%)",
                .x_range = {0.9, 5.1},
                .width = kWidth,
                .height = kHeight};
  for (std::size_t i = 0; i < studies.size(); ++i) {
    Curve curve{.name = studies[i].measured.system, .color = kColors[i]};
    for (std::size_t k = 0; k < studies[i].false_shares.size(); ++k) {
      curve.x.push_back(static_cast<double>(k + 1));
      curve.y.push_back(100 * studies[i].false_shares[k]);
    }
    figure.curves.push_back(curve);
    curve.name = "";
    curve.mark = Mark::kPoints;
    figure.curves.push_back(curve);
  }
  return figure;
}

/// omega from the two samples of theta, delta theta / delta t, against the true one at the middle.
double recovered_velocity_error(double spacing) {
  const int samples = 201;
  const TimeSeries run =
      simulate("pendulum", {.until = spacing * (samples - 1) / 2, .samples = samples, .start = {1.3, 0}});
  const HostArray& states = run.trajectories[0].states;  // at half the spacing
  double squares = 0, size = 0;
  for (std::int64_t i = 0; i + 2 < samples; i += 2) {
    const double found = (states.at(2 * (i + 2)) - states.at(2 * i)) / spacing;
    squares += std::pow(found - states.at(2 * (i + 1) + 1), 2);
    size += std::pow(states.at(2 * (i + 1) + 1), 2);
  }
  return std::sqrt(squares / size);
}

/// Theta alone, with (theta_t, theta_t+1) as the state: no choice to make.
Study pendulum_study(const Request& request) {
  std::vector<std::vector<double>> starts;
  for (int i = 0; i < 12; ++i) starts.push_back({0.2 + 1.6 * i / 11, 0.0});
  starts.push_back({1.3, 0.0});
  Study found{.measured = measure("pendulum", "angle (rad)", 0.1, 144, 142, starts),
              .embedding = {},
              .information = {},
              .false_shares = {},
              .one = {},
              .all = {}};
  found.measured.quick_polish = 400;
  found.embedding = units_of(found.measured);
  found.embedding.dimension = 2;
  request.say("pendulum from theta alone");
  found.all = learn(found.measured, found.embedding, request);
  Embedding one = found.embedding;
  one.dimension = 1;
  found.one = learn(found.measured, one, request);
  return found;
}

}  // namespace

Outcome takens(const Request& request) {
  const int samples = request.quick ? 1001 : 2001, fewer = request.quick ? 401 : 601;
  const Study pendulum = pendulum_study(request);
  std::vector<Study> studies;
  studies.push_back(study(
      measure("lotka-volterra", "prey (model units)", 0.05, fewer, 140, {{1, 1}, {1.5, 1}, {2, 1}, {1, 2}, {1.6, 1.4}}),
      request, 60));
  studies.push_back(
      study(measure("van-der-pol", "x (model units)", 0.1, fewer, 130, {{0.5, 0}, {2, 0}, {-1, 2}, {3, 1}, {1, -1}}),
            request, 40));
  studies.push_back(
      study(measure("lorenz", "x (model units)", 0.02, samples, 100, {{1, 1, 20}, {5, 5, 20}, {-6, -6, 22}}, 500),
            request, 40));

  Outcome outcome{.title = "Systems learned from one of their numbers",
                  .figure = Sheet({forecast_figure(pendulum), forecast_figure(studies[0]), forecast_figure(studies[1]),
                                   forecast_figure(studies[2]), lag_figure(studies), dimension_figure(studies)},
                                  2),
                  .caption =
                      "Forecasts of a trajectory that was not trained on. One sample cannot tell where the system "
                      "goes; delayed samples can (Takens 1981). Below: how far apart they are, and how many."};
  Table table{.header = {"system", "lag (samples)", "dimension", "relative error", "relative error, one sample"},
              .rows = {}};
  const auto add = [&](const Study& s) {
    table.rows.push_back({s.measured.system, std::to_string(s.embedding.lag), std::to_string(s.embedding.dimension),
                          text::number(s.all.error), text::number(s.one.error)});
  };
  add(pendulum);
  for (const Study& s : studies) add(s);
  outcome.sections = {{"Numbers", {table}}};
  const double slack = request.quick ? 4 : 1;
  outcome.metrics = {
      {"pendulum from theta alone: relative error over 2 periods", pendulum.all.error, Bound::kAtMost, 0.03},
      {"the same from one sample: it must fail", pendulum.one.error, Bound::kAtLeast, 0.3},
      {"omega recovered as delta theta / delta t: relative error", recovered_velocity_error(0.1), Bound::kAtMost, 1e-3},
      {"Lotka-Volterra from the prey alone: relative error", studies[0].all.error, Bound::kAtMost, 0.1 * slack},
      {"Van der Pol from x alone: relative error", studies[1].all.error, Bound::kAtMost, 0.05 * slack},
      {"Lorenz from x alone: relative error over 2 time units", studies[2].all.error, Bound::kAtMost, 0.2 * slack},
      {"Lorenz: dimension by false neighbours", static_cast<double>(studies[2].embedding.dimension), Bound::kAtLeast,
       3}};
  return outcome;
}

}  // namespace costate::experiments

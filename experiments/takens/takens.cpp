// Time-delay embedding (Takens 1981): a system learned from one of its numbers. The pendulum from theta alone, with the
// angular velocity found again, and x alone of Lotka-Volterra, Van der Pol and Lorenz.
#include <algorithm>
#include <cmath>

#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

/// A number of a system, measured along trajectories; the last one is not trained on.
struct Measured {
  std::string system, unit;
  double spacing = 0;
  HostArray x = {};                 // [trajectory, time, 1]
  std::size_t horizon = 0;          // samples of the forecast
  std::int64_t quick_polish = 250;  // epochs of L-BFGS in the quick version
};

/// Sees the first number of the system alone.
HostArray measure(const Measured& measured, int samples, const std::vector<std::vector<double>>& starts) {
  const HostArray states =
      simulate_from(starts, measured.system, {.until = measured.spacing * (samples - 1), .samples = samples});
  return HostArray(Shape{states.shape()[0], samples, 1}, states.column(0));
}

struct Learned {
  std::vector<double> times = {}, forecast = {};  // along the held-out trajectory
  double error = 0;  // relative: root mean square over the deviation of what was to be forecast
};

/// Fits the trajectories but the last, and forecasts that from its first delayed state.
Learned learn(const Measured& measured, const Delays& delays, std::int64_t polish, const Request& request) {
  const std::int64_t last = measured.x.shape()[0] - 1;
  FitConfig config{.hold_out = 0, .validation = 0, .clock = {"none"}, .window = 20};
  config.model = {.columns = {.time = "t", .states = {"x"}},
                  .delay = delays.copies,
                  .lag = delays.lag,
                  .memory = {0},
                  .hidden = {48, 48}};
  config.model.solve.method = Method::kRk4;
  config.epochs = 60 + polish;
  config.polish = polish;
  config.seed = request.seed;
  const FitResult result = fit(evenly_sampled(measured.x.slice(0, last), measured.spacing, {"x"}), config);

  const TimeSeries held = evenly_sampled(measured.x.slice(last, last + 1), measured.spacing, {"x"});
  const Trajectory truth = embed_delays(held, delays).trajectories[0];
  Learned learned;
  const std::size_t horizon = std::min(measured.horizon, truth.times.size());
  learned.times.assign(truth.times.begin(), truth.times.begin() + static_cast<std::ptrdiff_t>(horizon));
  for (const auto& state : result.model().predict({.start = truth.states.row(0), .times = learned.times}))
    learned.forecast.push_back(state[0]);
  const std::vector<double> exact = truth.states.column(0);
  learned.error = relative_error(learned.forecast, std::span(exact).first(horizon));
  request.tell("  from ", delays.copies + 1, delays.copies == 0 ? " sample" : " samples", ": relative error ",
               learned.error, " after ", result.training.seconds(), " s");
  return learned;
}

struct Study {
  Measured measured;
  Delays delays = {};
  std::vector<double> information = {}, false_percent = {};  // by lag, by dimension
  Learned one = {}, all = {};                                // k = 1, and the embedding
};

void learn_both(Study& study, const Request& request) {
  study.all = learn(study.measured, study.delays, request.quick ? study.measured.quick_polish : 1000, request);
  study.one = learn(study.measured, {}, 100, request);  // a flow on a line: longer training would not teach it to turn
}

/// Theta alone, with (theta_t, theta_t-1) as the state: no choice to make.
Study study_pendulum(const Request& request) {
  std::vector<std::vector<double>> starts;
  // In an order in which no part of them is at one end: a fit chooses by the last of what it trains on.
  for (int i = 0; i < 12; ++i) starts.push_back({0.2 + 1.6 * (5 * i % 12) / 11, 0.0});
  starts.push_back({1.3, 0.0});
  Study study{
      .measured = {.system = "pendulum", .unit = "angle (rad)", .spacing = 0.1, .horizon = 140, .quick_polish = 600},
      .delays = {.copies = 1, .lag = 3}};
  study.measured.x = measure(study.measured, 144, starts);
  request.tell("pendulum from theta alone");
  learn_both(study, request);
  return study;
}

/// Lag and dimension are chosen by one path of what is trained on, at most 2,000 samples of it.
Study study_system(Measured measured, const std::vector<double>& path, std::size_t most_lag, const Request& request) {
  Study study{.measured = std::move(measured)};
  const std::span<const double> looked(path.data(), std::min<std::size_t>(path.size(), request.quick ? 1000 : 2000));
  study.information = mutual_information(looked, most_lag);
  const std::size_t lag = first_minimum(study.information);
  const std::vector<double> false_shares = false_neighbours(looked, lag, 5);
  for (const double share : false_shares) study.false_percent.push_back(100 * share);
  const std::size_t dimension = std::max<std::size_t>(2, embedding_dimension(false_shares));
  study.delays = {.copies = static_cast<int>(dimension) - 1, .lag = static_cast<int>(lag)};
  request.tell(study.measured.system, ": lag ", lag, ", dimension ", dimension);
  learn_both(study, request);
  return study;
}

std::vector<Study> study_systems(const Request& request) {
  const int few = request.quick ? 401 : 601, many = request.quick ? 2500 : 5000;
  Measured prey{.system = "lotka-volterra", .unit = "prey (model units)", .spacing = 0.05, .horizon = 140};
  prey.x = measure(prey, few, {{1, 1}, {1.5, 1}, {2, 1}, {1, 2}, {1.6, 1.4}});
  Measured oscillator{.system = "van-der-pol", .unit = "x (model units)", .spacing = 0.1, .horizon = 130};
  oscillator.x = measure(oscillator, few, {{0.5, 0}, {2, 0}, {-1, 2}, {3, 1}, {1, -1}});
  Measured lorenz{.system = "lorenz", .unit = "x (model units)", .spacing = 0.02, .horizon = 100};
  // One path on the attractor in stretches of 2.5 time units: beyond, no forecast could tell good weights from bad
  // ones.
  const HostArray path = measure(lorenz, many, {{3.2, 5.5, 12.4}});
  lorenz.x = path.reshape({many / 125, 125, 1});
  return {study_system(prey, prey.x[0].column(0), 60, request),
          study_system(oscillator, oscillator.x[0].column(0), 40, request),
          study_system(lorenz, path.column(0), 40, request)};
}

Figure forecast_figure(const Study& s) {
  const std::vector<double> truth = s.measured.x[s.measured.x.shape()[0] - 1].column(0);
  const std::span<const double> shown = std::span(truth).first(s.measured.horizon);
  const auto [low, high] = std::ranges::minmax(shown);
  return {.title = s.measured.system + " from one number",
          .x_label = s.measured.system == "pendulum" ? "time (s)" : "time (model units)",
          .y_label = s.measured.unit,
          .curves = {Curve{.name = "true", .color = 6}.over({.spacing = s.measured.spacing}, shown),
                     {.name = "one sample", .x = s.one.times, .y = s.one.forecast, .color = 5},
                     {.name = text::concat(s.delays.copies + 1, " samples"),
                      .x = s.all.times,
                      .y = s.all.forecast,
                      .mark = Mark::kDashed,
                      .color = 1}},
          .y_range = {low - 0.2 * (high - low), high + 0.2 * (high - low)}};
}

/// Mutual information over the lag, with the chosen ones.
Figure lag_figure(const std::vector<Study>& studies) {
  Figure figure{.title = "lag: the first minimum", .x_label = "lag (samples)", .y_label = "mutual information (nats)"};
  int color = 0;
  for (const Study& s : studies) {
    const auto lag = static_cast<std::size_t>(s.delays.lag);
    const Curve chosen{
        .x = {static_cast<double>(lag)}, .y = {s.information[lag]}, .mark = Mark::kPoints, .color = color};
    figure.curves.push_back(Curve{.name = s.measured.system, .color = color++}.over({}, s.information));
    figure.curves.push_back(chosen);
  }
  return figure;
}

Figure dimension_figure(const std::vector<Study>& studies) {
  Figure figure{.title = "dimension: where false neighbours end",
                .x_label = "dimension (delayed samples)",
                .y_label = "false neighbours (%)",
                .x_range = {0.9, 5.1}};
  int color = 0;
  for (const Study& s : studies) {
    figure.curves.push_back(Curve{.name = s.measured.system, .color = color}.over({.first = 1}, s.false_percent));
    figure.curves.push_back(Curve{.mark = Mark::kPoints, .color = color++}.over({.first = 1}, s.false_percent));
  }
  return figure;
}

/// omega from the two samples of theta, delta theta / delta t, against the true one at the middle.
double recovered_velocity_error(double spacing) {
  const int samples = 201;
  const HostArray states =  // at half the spacing
      simulate_from({{1.3, 0}}, "pendulum", {.until = spacing * (samples - 1) / 2, .samples = samples})[0];
  double squares = 0, size = 0;
  for (std::int64_t i = 0; i + 2 < samples; i += 2) {
    const double found = (states(i + 2, 0) - states(i, 0)) / spacing, exact = states(i + 1, 1);
    squares += std::pow(found - exact, 2);
    size += std::pow(exact, 2);
  }
  return std::sqrt(squares / size);
}

}  // namespace

Outcome takens(const Request& request) {
  const Study pendulum = study_pendulum(request);
  const std::vector<Study> studies = study_systems(request);
  const Study &prey = studies[0], &oscillator = studies[1], &lorenz = studies[2];
  Table table{.header = {"system", "lag (samples)", "dimension", "relative error", "relative error, one sample"}};
  for (const Study* s : {&pendulum, &prey, &oscillator, &lorenz})
    table.add(s->measured.system, s->delays.lag, s->delays.copies + 1, s->all.error, s->one.error);
  const double slack = request.quick ? 4 : 1;
  return {
      .title = "Systems learned from one of their numbers",
      .figure = Sheet({forecast_figure(pendulum), forecast_figure(prey), forecast_figure(oscillator),
                       forecast_figure(lorenz), lag_figure(studies), dimension_figure(studies)},
                      2, {.width = 560, .height = 320}),
      .caption =
          "Forecasts of a trajectory that was not trained on. One sample cannot tell where the system "
          "goes; delayed samples can (Takens 1981). Below: how far apart they are, and how many.",
      .sections = {{"Numbers", {table}}},
      .metrics = {
          at_most(0.03, "pendulum from theta alone: relative error over 2 periods", pendulum.all.error),
          at_least(0.3, "the same from one sample: it must fail", pendulum.one.error),
          at_most(1e-3, "omega recovered as delta theta / delta t: relative error", recovered_velocity_error(0.1)),
          at_most(0.1 * slack, "Lotka-Volterra from the prey alone: relative error", prey.all.error),
          at_most(0.05 * slack, "Van der Pol from x alone: relative error", oscillator.all.error),
          at_most(request.quick ? 1.1 : 0.6, "Lorenz from x alone: relative error over 2 time units", lorenz.all.error),
          at_least(3, "Lorenz: dimension by false neighbours", lorenz.delays.copies + 1)}};
}

}  // namespace costate::experiments

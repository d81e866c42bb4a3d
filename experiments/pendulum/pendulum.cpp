// The pendulum from (theta, omega): the linear one by a linear field, the nonlinear one by a plain, a Hamiltonian and a
// second-order field side by side.
#include <algorithm>
#include <array>
#include <cmath>

#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

constexpr double kSpacing = 0.1;
constexpr std::array<double, 4> kUnseenAngles = {0.4, 0.9, 1.3, 1.8};  // rad, released at rest

/// A candidate, its training and how it does on unseen starts.
struct Candidate {
  std::string name;
  VectorField field;
  std::vector<Parameter> parameters;
  double seconds = 0, loss = 0;
  double error = 0;       // relative L2 error over [0, 20]
  double drift = 0;       // largest relative change of the energy over [0, 100]
  HostArray states = {};  // [start, time, state] over [0, 100]
};

/// Trajectories [trajectory, time, state] released at rest from angles.
HostArray released(const std::string& system, std::span<const double> angles, double until) {
  std::vector<std::vector<double>> starts;
  for (const double angle : angles) starts.push_back({angle, 0});
  return simulate_from(starts, system, {.until = until, .samples = static_cast<int>(until / kSpacing + 1.5)});
}

/// From angles spread over (0.1, 2).
HostArray training_states(const std::string& system, int trajectories) {
  std::vector<double> angles;
  for (int i = 0; i < trajectories; ++i) angles.push_back(0.1 + 1.9 * i / (trajectories - 1));
  return released(system, angles, 10);
}

/// The same system from the unseen angles over [0, 100], sampled as the training data.
HostArray true_states(const std::string& system) { return released(system, kUnseenAngles, 100); }

double energy(double theta, double omega, bool is_linear) {
  return 0.5 * omega * omega + (is_linear ? 0.5 * theta * theta : 1 - std::cos(theta));
}

void judge(Candidate& candidate, const HostArray& truth, bool is_linear) {
  const std::int64_t starts = truth.shape()[0], samples = truth.shape()[1];
  HostArray z0(Shape{starts, 2});
  for (std::int64_t i = 0; i < starts; ++i) z0.set({i, 0}, truth(i, 0, 0));
  const HostArray times = HostArray::evenly_spaced(0, kSpacing, samples);
  const Solution solution = solve(candidate.field, z0, times, {.rtol = 1e-9, .atol = 1e-9});
  solution.check();
  candidate.states = solution.states;
  double difference = 0, size = 0;
  for (std::int64_t start = 0; start < starts; ++start)
    for (std::int64_t i = 0; i < samples; ++i) {
      const double theta = solution.states(start, i, 0), omega = solution.states(start, i, 1);
      const double true_theta = truth(start, i, 0), true_omega = truth(start, i, 1);
      const double first = energy(truth(start, 0, 0), 0, is_linear);
      candidate.drift = std::max(candidate.drift, std::abs(energy(theta, omega, is_linear) / first - 1));
      if (i > 200) continue;
      difference += std::pow(theta - true_theta, 2) + std::pow(omega - true_omega, 2);
      size += std::pow(true_theta, 2) + std::pow(true_omega, 2);
    }
  candidate.error = std::sqrt(difference / size);
}

struct PendulumEffort {
  std::int64_t epochs = 200, polish = 1500;
};

void learn(Candidate& candidate, const HostArray& states, const PendulumEffort& effort, const Request& request) {
  const TrajectoryWindows windows = cut_windows(states, kSpacing, {.length = 26, .stride = 25});
  TrajectoryFitOptions options{.solve = {.method = Method::kRk4, .steps_per_interval = 1}};
  options.train = {.epochs = effort.epochs,
                   .batch = 16,
                   .seed = request.seed,
                   .schedule = {.kind = ScheduleKind::kCosine, .base = 1e-2},
                   .polish = effort.polish};
  const TrainResult result = fit_trajectories(candidate.field, candidate.parameters, windows, options);
  candidate.seconds = result.seconds();
  candidate.loss = result.best_loss;
  request.tell(candidate.name, ": loss ", candidate.loss, " after ", candidate.seconds, " s");
}

Candidate linear_candidate() {
  const Linear matrix({.inputs = 2, .outputs = 2, .source = {.seed = 3}, .name = "matrix"});
  return {.name = "linear field",
          .field = vector_field({2}, [&](Array, Array z) { return matrix(z); }),
          .parameters = matrix.parameters()};
}

std::vector<Candidate> nonlinear_candidates(const Request& request) {
  const std::vector<std::int64_t> hidden =
      request.quick ? std::vector<std::int64_t>{32} : std::vector<std::int64_t>{64, 64};
  const Mlp plain({.inputs = 2, .hidden = hidden, .outputs = 2, .seed = request.seed, .name = "plain"});
  const Mlp energy_net({.inputs = 2, .hidden = hidden, .outputs = 1, .seed = request.seed, .name = "energy"});
  const Mlp force({.inputs = 2, .hidden = hidden, .outputs = 1, .seed = request.seed, .name = "force"});
  return {{.name = "plain field",
           .field = vector_field({2}, [&](Array, Array z) { return plain(z); }),
           .parameters = plain.parameters()},
          {.name = "Hamiltonian field",
           .field = hamiltonian_field(1,
                                      [&](Array q, Array p) {
                                        return energy_net(concat({q, p}))[0];
                                      }),
           .parameters = {energy_net.parameters().begin(), energy_net.parameters().end() - 1}},
          {.name = "second-order field",
           .field = second_order_field(1,
                                       [&](Array q, Array v) {
                                         return force(concat({q, v}));
                                       }),
           .parameters = force.parameters()}};
}

const Curve kTruePath{.name = "true", .color = 6};

Figure phase_figure(const Candidate& candidate, const HostArray& truth) {
  Figure figure{.title = candidate.name,
                .x_label = "angle (rad)",
                .y_label = "angular velocity (rad/s)",
                .aspect = Aspect::kEqual,
                .x_range = {-2.2, 2.2},
                .y_range = {-2.2, 2.2}};
  Curve exact = kTruePath, learned{.name = "learned", .mark = Mark::kPoints, .color = 1};
  for (std::int64_t start = 0; start < truth.shape()[0]; ++start) {
    figure.curves.push_back(exact.through(truth[start].slice(0, 201)));
    figure.curves.push_back(learned.through(candidate.states[start].slice(0, 201, 5)));
    exact.name = learned.name = "";  // one legend for all
  }
  return figure;
}

/// The angle over the last of [0, 100], from the largest start.
Figure extrapolation_figure(const Candidate& candidate, const HostArray& truth) {
  const Curve learned{.name = "learned", .mark = Mark::kDashed, .color = 1};
  return {.title = candidate.name + ", 80 s after its start",
          .x_label = "time (s)",
          .y_label = "angle (rad)",
          .curves = {kTruePath.over({.spacing = kSpacing}, truth[3].column(0)),
                     learned.over({.spacing = kSpacing}, candidate.states[3].column(0))},
          .x_range = {80, 100},
          .y_range = {-2.2, 2.2}};
}

/// The largest change up to each time, over all starts: its end is the drift.
std::vector<double> drift_over_time(const HostArray& states) {
  std::vector<double> drift;
  double largest = 0;
  for (std::int64_t i = 1; i < states.shape()[1]; ++i) {
    for (std::int64_t start = 0; start < states.shape()[0]; ++start) {
      const double now = energy(states(start, i, 0), states(start, i, 1), false),
                   first = energy(kUnseenAngles[static_cast<std::size_t>(start)], 0, false);
      largest = std::max(largest, std::abs(now / first - 1));
    }
    drift.push_back(largest);
  }
  return drift;
}

Figure energy_figure(const std::vector<Candidate>& candidates) {
  const auto drift = [&](const Curve& style, std::size_t candidate) {
    return style.over({.first = kSpacing, .spacing = kSpacing}, drift_over_time(candidates[candidate].states));
  };
  return {.title = "largest change of the energy so far, all starts",
          .x_label = "time (s)",
          .y_label = "|E / E(0) - 1|",
          .curves = {drift({.name = "plain", .color = 1}, 0), drift({.name = "Hamiltonian", .color = 0}, 1),
                     drift({.name = "2nd order", .color = 2}, 2)},
          .y_scale = Scale::kLog};
}

Table candidates_table(const std::vector<Candidate>& candidates) {
  Table table{
      .header = {"field", "training loss", "seconds", "relative L2 error over [0, 20]", "energy drift over [0, 100]"},
      .caption = "Four starts between the training's angles, released at rest."};
  for (const Candidate& c : candidates) table.add(c.name, c.loss, c.seconds, c.error, c.drift);
  return table;
}

}  // namespace

Outcome pendulum(const Request& request) {
  Candidate linear = linear_candidate();
  learn(linear, training_states("linear-pendulum", 8), {.epochs = 30, .polish = 50}, request);
  judge(linear, true_states("linear-pendulum"), true);
  const HostArray matrix = linear.parameters[0].value();
  const std::array<double, 4> true_matrix = {0, 1, -1, 0};
  double matrix_error = 0;
  for (std::int64_t i = 0; i < 4; ++i)
    matrix_error = std::max(matrix_error, std::abs(matrix.at(i) - true_matrix[static_cast<std::size_t>(i)]));

  std::vector<Candidate> candidates = nonlinear_candidates(request);
  const HostArray states = training_states("pendulum", 20), truth = true_states("pendulum");
  for (Candidate& candidate : candidates) {
    learn(candidate, states, {.polish = request.quick ? 500 : 1500}, request);
    judge(candidate, truth, false);
  }
  Outcome outcome{
      .title = "The pendulum, learned",
      .figure = Sheet({phase_figure(candidates[0], truth), phase_figure(candidates[1], truth),
                       phase_figure(candidates[2], truth), extrapolation_figure(candidates[0], truth),
                       extrapolation_figure(candidates[1], truth), energy_figure(candidates)},
                      3, {.width = 440, .height = 400}),
      .caption =
          "Above: phase portraits over [0, 20] from starts that training has not seen. Below: the same run 80 to 100 s "
          "after its start, trained on windows of 2.5 s; and the energy, which a Hamiltonian field cannot lose."};
  std::vector<Candidate> all = candidates;
  all.push_back(linear);
  outcome.sections = {{"Numbers", {candidates_table(all)}}};
  const double error_limit = request.quick ? 0.1 : 0.01, drift_limit = request.quick ? 2 : 10;
  outcome.metrics = {at_most(1e-3, "linear: largest error of [[0, 1], [-1, 0]]", matrix_error),
                     at_most(1e-3, "linear: relative L2 error over [0, 20]", linear.error)};
  for (const Candidate& candidate : candidates) {
    // Nothing holds a plain field to its energy: with seeds 0 to 3 its error was 0.0017 to 0.0118, that of the others
    // at most 0.0024.
    const bool is_plain = &candidate == &candidates[0];
    outcome.metrics.push_back(at_most(is_plain && !request.quick ? 2 * error_limit : error_limit,
                                      text::concat("nonlinear, ", candidate.name, ": relative L2 error over [0, 20]"),
                                      candidate.error));
  }
  outcome.metrics.push_back(at_least(drift_limit, "energy drift over [0, 100]: plain over Hamiltonian field",
                                     candidates[0].drift / candidates[1].drift));
  return outcome;
}

}  // namespace costate::experiments

// Planar normalizing flows against planar continuous ones, depth K against width M (Chen et al. 2018, sec. 4.1, Fig.
// 4): density matching on the four potentials of Rezende and Mohamed 2015, and maximum likelihood on circles and moons.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "costate/data/data.h"
#include "costate/models/cnf.h"
#include "costate/models/planar_flow.h"
#include "experiments/experiment.h"
#include "experiments/flow_training.h"

namespace costate::experiments {
namespace {

const std::vector<std::int64_t> kSizes = {2, 8, 32};
constexpr double kHalfWidth = 4;  // of the square that the potentials live on

/// Beyond the square the potentials 2 to 4 do not decay: a wall makes them densities.
template <class Number>
Number wall(const Number& x, const Number& y) {
  using std::abs;
  using std::max;
  const Number inside_x = max(abs(x) - kHalfWidth, 0.0), inside_y = max(abs(y) - kHalfWidth, 0.0);
  return 20.0 * (inside_x * inside_x + inside_y * inside_y);
}

/// U of Rezende and Mohamed 2015, table 1 (PAPERS.md A), for Arrays and for doubles.
template <class Number>
Number potential(int which, const Number& x, const Number& y) {
  using std::exp;
  using std::log;
  using std::sin;
  using std::sqrt;
  const auto bump = [](const Number& distance) { return exp(-0.5 * distance * distance); };
  const Number w1 = sin(x * (std::numbers::pi / 2)), w2 = 3.0 * bump((x - 1.0) / 0.6),
               w3 = 3.0 / (1.0 + exp((1.0 - x) / 0.3));
  switch (which) {
    case 1: {
      const Number ring = (sqrt(x * x + y * y) - 2.0) / 0.4;
      return 0.5 * ring * ring - log(bump((x - 2.0) / 0.6) + bump((x + 2.0) / 0.6)) + wall(x, y);
    }
    case 2: {
      const Number line = (y - w1) / 0.4;
      return 0.5 * line * line + wall(x, y);
    }
    case 3:
      return -1.0 * log(bump((y - w1) / 0.35) + bump((y - w1 + w2) / 0.35) + 1e-30) + wall(x, y);
    default:
      return -1.0 * log(bump((y - w1) / 0.4) + bump((y - w1 + w3) / 0.35) + 1e-30) + wall(x, y);
  }
}

/// ln of the integral of exp(-U), by the midpoint rule.
double log_normalizer(int which) {
  constexpr int kCells = 1200;
  const double wide = kHalfWidth + 2, h = 2 * wide / kCells;
  double sum = 0;
  for (int i = 0; i < kCells; ++i)
    for (int j = 0; j < kCells; ++j) sum += std::exp(-potential(which, -wide + (i + 0.5) * h, -wide + (j + 0.5) * h));
  return std::log(sum * h * h);
}

/// How a flow takes base noise to a sample and its log density, inside a trace.
using Push = std::function<std::pair<Array, Array>(const Array& base)>;

struct Candidate {
  Push push;
  std::vector<Parameter> parameters;
};

Candidate stepwise(std::int64_t count, std::uint64_t seed) {
  const PlanarFlow flow({.count = count, .seed = seed});
  return {[flow](const Array& base) {
            const auto [z, log_det] = flow(base);
            return std::pair{z, log_normal(base) - log_det};
          },
          flow.parameters()};
}

/// The continuous flow from noise to data: d log p / dt = -tr(df/dz).
Candidate continuous(std::int64_t count, std::uint64_t seed) {
  const PlanarField field({.count = count, .seed = seed});
  // Cnf reads its field from data to noise; here the field itself runs from noise to data.
  const Cnf flow([field](Array t, Array z) { return field(t, z); }, {.solve = {.rtol = 1e-4, .atol = 1e-4}});
  return {[flow](const Array& base) {
            const FlowDensity there = flow.density(base, zeros({2}));
            const Array trace = there.log_density - log_normal(there.base);
            return std::pair{there.base, log_normal(base) - trace};
          },
          field.parameters()};
}

struct Fit {
  double kl = 0, seconds = 0;
  HostArray samples = HostArray(Shape{0, 2});
};

Fit match(const Candidate& candidate, int which, double log_z, const Request& request) {
  // Both kinds get the same steps; larger rates make deep flows in steps diverge.
  const FreshTraining training{.steps = request.quick ? 400 : 4000, .batch = 256, .learning_rate = 3e-3};
  const Function loss = trace(
      [&](Array base) {
        const auto [z, log_q] = candidate.push(base);
        return log_q + potential(which, z[0], z[1]);
      },
      {{"base", {2}}});
  const auto begin = std::chrono::steady_clock::now();
  train_on_fresh(loss, candidate.parameters, training, [&](std::int64_t step) {
    return std::vector<HostArray>{normal_pairs(request.seed, 100 + static_cast<std::uint64_t>(step), training.batch)};
  });
  Fit fit;
  fit.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const HostArray unseen = normal_pairs(request.seed, 1, request.quick ? 5000 : 20'000);
  fit.kl = mean_of(compile(loss).run({unseen}).outputs[0]) + log_z;
  fit.samples = compile(trace([&](Array base) { return candidate.push(base).first; }, {{"base", {2}}}))
                    .run({normal_pairs(request.seed, 2, 3000)})
                    .outputs[0];
  return fit;
}

struct Row {
  int which;
  std::vector<Fit> stepwise, continuous;  // by kSizes
};

// ---- maximum likelihood: the flow must run from data to noise

double likelihood(const std::string& target, std::int64_t count, bool is_continuous, const Request& request) {
  const FreshTraining training{.steps = request.quick ? 200 : 3000, .batch = 256};
  const PlanarFlow steps({.count = count, .seed = request.seed});
  const PlanarField field({.count = count, .seed = request.seed});
  const Cnf flow([&](Array t, Array z) { return field(t, z); }, {.solve = {.rtol = 1e-4, .atol = 1e-4}});
  const Function loss = trace(
      [&](Array x) {
        if (is_continuous) return -flow.density(x, zeros({2})).log_density;
        const auto [z, log_det] = steps(x);
        return -(log_normal(z) + log_det);
      },
      {{"x", {2}}});
  train_on_fresh(loss, is_continuous ? field.parameters() : steps.parameters(), training, [&](std::int64_t step) {
    return std::vector<HostArray>{
        sample_density(target, {.seed = request.seed, .first = step * training.batch, .count = training.batch})};
  });
  return mean_of(
      compile(loss).run({sample_density(target, {.seed = request.seed + 1, .first = 0, .count = 10'000})}).outputs[0]);
}

// ---- pictures

Figure square(const std::string& title) {
  return {.title = title,
          .x_label = "x",
          .y_label = "y",
          .aspect = Aspect::kEqual,
          .x_range = {-kHalfWidth, kHalfWidth},
          .y_range = {-kHalfWidth, kHalfWidth},
          .width = 210,
          .height = 240};
}

Figure target_figure(int which) {
  Figure figure = square(text::concat("target ", which));
  constexpr std::size_t kCells = 100;
  Raster raster{
      .x_low = -kHalfWidth, .x_high = kHalfWidth, .y_low = -kHalfWidth, .y_high = kHalfWidth, .columns = kCells};
  for (std::size_t i = 0; i < kCells * kCells; ++i) {
    const double x = kHalfWidth * (2 * (static_cast<double>(i % kCells) + 0.5) / kCells - 1);
    const double y = kHalfWidth * (2 * (static_cast<double>(i / kCells) + 0.5) / kCells - 1);
    raster.values.push_back(std::exp(-potential(which, x, y)));
  }
  figure.rasters = {raster};
  return figure;
}

Figure samples_figure(const std::string& title, const Fit& fit, int color) {
  Figure figure = square(title);
  Curve curve{.name = "", .mark = Mark::kDots, .color = color};
  for (std::int64_t i = 0; i < fit.samples.shape()[0]; ++i) {
    curve.x.push_back(fit.samples.at(2 * i));
    curve.y.push_back(fit.samples.at(2 * i + 1));
  }
  figure.curves = {curve};
  return figure;
}

Sheet overview(const std::vector<Row>& rows) {
  std::vector<Figure> figures;
  for (const Row& row : rows) {
    figures.push_back(target_figure(row.which));
    for (std::size_t i = 0; i < kSizes.size(); ++i)
      figures.push_back(samples_figure(text::concat("NF, K = ", kSizes[i]), row.stepwise[i], 0));
    for (std::size_t i = 0; i < kSizes.size(); ++i)
      figures.push_back(samples_figure(text::concat("CNF, M = ", kSizes[i]), row.continuous[i], 1));
  }
  return {figures, 7};
}

Sheet losses(const std::vector<Row>& rows) {
  std::vector<Figure> figures;
  for (const Row& row : rows) {
    Curve steps{.name = "NF of K layers", .color = 0}, time{.name = "CNF of M units", .color = 1};
    for (std::size_t i = 0; i < kSizes.size(); ++i) {
      steps.x.push_back(static_cast<double>(kSizes[i]));
      time.x.push_back(static_cast<double>(kSizes[i]));
      steps.y.push_back(row.stepwise[i].kl);
      time.y.push_back(row.continuous[i].kl);
    }
    figures.push_back({.title = text::concat("target ", row.which),
                       .x_label = "K or M",
                       .y_label = "KL divergence (nats)",
                       .curves = {steps, time},
                       .x_scale = Scale::kLog,
                       .y_scale = Scale::kLog,
                       .width = 480,
                       .height = 300});
  }
  return {figures, 2};
}

Table table_of(const std::vector<Row>& rows) {
  Table table{.header = {"target"}, .rows = {}, .caption = "True KL divergence in nats, with the seconds of training."};
  for (const char* kind : {"NF K = ", "CNF M = "})
    for (const std::int64_t size : kSizes) table.header.push_back(text::concat(kind, size));
  for (const Row& row : rows) {
    table.rows.push_back({std::to_string(row.which)});
    for (const auto* fits : {&row.stepwise, &row.continuous})
      for (const Fit& fit : *fits)
        table.rows.back().push_back(text::concat(text::number(fit.kl, 3), " (", text::number(fit.seconds, 2), " s)"));
  }
  return table;
}

}  // namespace

Outcome flows(const Request& request) {
  std::vector<Row> rows;
  for (int which = 1; which <= (request.quick ? 1 : 4); ++which) {
    const double log_z = log_normalizer(which);
    Row row{.which = which, .stepwise = {}, .continuous = {}};
    for (const std::int64_t size : kSizes) {
      row.stepwise.push_back(match(stepwise(size, request.seed), which, log_z, request));
      row.continuous.push_back(match(continuous(size, request.seed), which, log_z, request));
      request.say(text::concat("target ", which, ", size ", size, ": KL of the flow in steps ",
                               text::number(row.stepwise.back().kl), ", in continuous time ",
                               text::number(row.continuous.back().kl)));
    }
    rows.push_back(std::move(row));
  }
  Outcome outcome{
      .title = "Planar flows, in steps and in continuous time",
      .figure = overview(rows),
      .caption = "Targets, and samples of flows of K = 2, 8, 32 layers and of continuous flows of M = 2, 8, 32 units."};
  Table likelihoods{.header = {"data", "NF, K = 32", "CNF, M = 32", "entropy of the data"},
                    .rows = {},
                    .caption = "Test NLL in nats."};
  double worst = -HUGE_VAL, lowest = HUGE_VAL;
  for (const Row& row : rows) {
    worst = std::max(worst, row.continuous.back().kl - row.stepwise.back().kl);
    for (const auto* fits : {&row.stepwise, &row.continuous})
      for (const Fit& fit : *fits) lowest = std::min(lowest, fit.kl);
  }
  outcome.metrics = {
      {"KL of the CNF with M = 32 less that of the NF with K = 32, worst target (nats)", worst, Bound::kAtMost, 0.0,
       "at least as good (Chen et al. 2018, Fig. 4)"},
      {"smallest KL of all (true ones are not negative; sampling error 0.02)", lowest, Bound::kAtLeast, -0.02}};
  const std::vector<std::pair<std::string, double>> data = {{"circles", 3.26814}, {"moons", 2.39391}};
  for (const auto& [name, entropy] : data) {
    if (request.quick && name == "circles") continue;
    const double steps = likelihood(name, 32, false, request), time = likelihood(name, 32, true, request);
    request.say(text::concat(name, ": NLL of the flow in steps ", text::number(steps), ", in continuous time ",
                             text::number(time)));
    likelihoods.rows.push_back({name, text::number(steps), text::number(time), text::number(entropy, 5)});
    outcome.metrics.push_back(
        {name + ": NLL of the CNF less that of the NF (nats)", time - steps, Bound::kAtMost, 0.0});
  }
  outcome.sections = {{"Numbers", {table_of(rows), Picture{losses(rows)}, likelihoods}}};
  return outcome;
}

}  // namespace costate::experiments

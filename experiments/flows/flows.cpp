// Planar normalizing flows against planar continuous ones, depth K against width M (Chen et al. 2018, sec. 4.1, Fig.
// 4): density matching on the four potentials of Rezende and Mohamed 2015, and maximum likelihood on circles and moons.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "experiments/experiment.h"

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

/// U of Rezende and Mohamed 2015, table 1, for Arrays and for doubles.
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

/// What training gave. The divergence is that of flow and target, KL(flow || potential) or KL(data || flow).
struct Fit {
  double kl = 0, nll = 0, seconds = 0;
  HostArray samples = HostArray(Shape{0, 2});
};

/// A flow for one of both uses, inside a trace.
struct Candidate {
  std::function<std::pair<Array, Array>(const Array& base)> push;  // a sample from base noise, and its log density
  std::function<Array(const Array& x)> log_density;                // of data
  std::function<Array(const Array& base)> sample;                  // from base noise, where the flow runs from data
  std::vector<Parameter> parameters;
};

Candidate stepwise(std::int64_t count, std::uint64_t seed) {
  const PlanarFlow flow({.count = count, .seed = seed});
  return {.push =
              [flow](const Array& base) {
                const auto [z, log_det] = flow(base);
                return std::pair{z, log_normal(base) - log_det};
              },
          .log_density =
              [flow](const Array& x) {
                const auto [z, log_det] = flow(x);
                return log_normal(z) + log_det;
              },
          .sample = [flow](const Array& base) { return flow.inverse(base); },
          .parameters = flow.parameters()};
}

Candidate continuous(std::int64_t count, std::uint64_t seed) {
  const PlanarField field({.count = count, .seed = seed});
  const Cnf flow([field](Array t, Array z) { return field(t, z); }, {.solve = {.rtol = 1e-4, .atol = 1e-4}});
  // Cnf reads its field from data to noise; to push noise, the field itself runs from noise to data.
  return {.push =
              [flow](const Array& base) {
                const FlowDensity there = flow.density(base, zeros({2}));
                const Array trace = there.log_density - log_normal(there.base);
                return std::pair{there.base, log_normal(base) - trace};
              },
          .log_density = [flow](const Array& x) { return flow.density(x, zeros({2})).log_density; },
          .sample = [flow](const Array& base) { return flow.sample(base); },
          .parameters = field.parameters()};
}

HostArray noise(const Request& request, std::uint64_t stream, std::int64_t count) {
  return normal_numbers({count, 2}, Random(request.seed), stream);
}

/// What a candidate is trained on: the loss of a sample x [2], and x [count, 2] from sample `first` on.
struct Task {
  Function loss;
  std::function<HostArray(std::int64_t first, std::int64_t count)> fresh;
};

/// Minimizes the mean loss of fresh x, in as many steps for both kinds of flow. Returns the seconds.
double learn(const Task& task, const Candidate& candidate, const Request& request) {
  constexpr std::int64_t kBatch = 256;
  const auto inputs = [&](const Batch& batch) { return std::vector{task.fresh(batch.step * kBatch, kBatch)}; };
  // Larger rates make deep flows in steps diverge.
  return train({.parameters = candidate.parameters,
                .num_samples = kEndless,
                .evaluate = mean_loss(task.loss, candidate.parameters, inputs, {.dtype = Dtype::kF32})},
               {.epochs = request.quick ? 300 : 3000,
                .optimizer = {.clip_norm = 10},
                .schedule = {.kind = ScheduleKind::kCosine, .base = 3e-3}})
      .seconds();
}

std::int64_t tests(const Request& request) { return request.quick ? 5000 : 20'000; }

HostArray samples_of(const std::function<Array(const Array& base)>& sample, const Request& request) {
  return compile(trace([&](Array base) { return sample(base); }, {{"base", {2}}}))
      .run({noise(request, 2, 3000)})
      .outputs[0];
}

/// Density matching: KL(flow || exp(-U) / Z) = E[log q + U] + log Z.
Fit match(const Candidate& candidate, int which, const Request& request) {
  const auto divergence = [&](Array base) {
    const auto [z, log_q] = candidate.push(base);
    return log_q + potential(which, z[0], z[1]);
  };
  const auto fresh = [&](std::int64_t first, std::int64_t count) {
    return noise(request, 100 + static_cast<std::uint64_t>(first), count);
  };
  const Task task{trace(divergence, {{"base", {2}}}), fresh};
  Fit fit{.seconds = learn(task, candidate, request)};
  fit.kl = compile(task.loss).run({noise(request, 1, tests(request))}).outputs[0].mean() + log_normalizer(which);
  fit.samples = samples_of([&](const Array& base) { return candidate.push(base).first; }, request);
  return fit;
}

struct Data {
  std::string name;
  double entropy;  // nats, by quadrature of the density of the generator
};
const std::vector<Data> kData = {{"circles", 3.26814}, {"moons", 2.39391}};

/// Maximum likelihood: KL(data || flow) = NLL - entropy.
Fit fit_density(const Candidate& candidate, const Data& data, const Request& request) {
  const auto fresh = [&](std::int64_t first, std::int64_t count) {
    return sample_density(data.name, {.seed = request.seed, .first = first, .count = count});
  };
  const Task task{trace([&](Array x) { return -candidate.log_density(x); }, {{"x", {2}}}), fresh};
  Fit fit{.seconds = learn(task, candidate, request)};
  const HostArray unseen = sample_density(data.name, {.seed = request.seed + 1, .first = 0, .count = tests(request)});
  fit.nll = compile(task.loss).run({unseen}).outputs[0].mean();
  fit.kl = fit.nll - data.entropy;
  fit.samples = samples_of(candidate.sample, request);
  return fit;
}

struct Row {
  std::string name;
  Figure target;
  std::vector<Fit> stepwise = {}, continuous = {};  // by kSizes
};

// ---- pictures

Figure potential_figure(int which) {
  Figure figure = square_figure(text::concat("potential ", which), kHalfWidth);
  const SquareGrid grid{.half_width = kHalfWidth};
  const HostArray points = grid.middles();
  std::vector<double> density;
  for (std::int64_t i = 0; i < points.shape()[0]; ++i)
    density.push_back(std::exp(-potential(which, points(i, 0), points(i, 1))));
  figure.rasters = {grid.raster(std::move(density))};
  return figure;
}

Sheet overview(const std::vector<Row>& rows) {
  std::vector<Figure> figures;
  for (const Row& row : rows) {
    figures.push_back(row.target);
    for (std::size_t i = 0; i < kSizes.size(); ++i)
      figures.push_back(samples_figure(text::concat("NF, K = ", kSizes[i]), kHalfWidth, row.stepwise[i].samples, 0));
    for (std::size_t i = 0; i < kSizes.size(); ++i)
      figures.push_back(samples_figure(text::concat("CNF, M = ", kSizes[i]), kHalfWidth, row.continuous[i].samples, 1));
  }
  return {figures, 7, {.width = 210, .height = 240}};
}

Sheet losses(const std::vector<Row>& rows) {
  std::vector<Figure> figures;
  for (const Row& row : rows) {
    const auto over_sizes = [](Curve curve, const std::vector<Fit>& fits) {
      curve.x.assign(kSizes.begin(), kSizes.end());
      for (const Fit& fit : fits) curve.y.push_back(fit.kl);
      return curve;
    };
    figures.push_back({.title = row.name,
                       .x_label = "K or M",
                       .y_label = "KL divergence (nats)",
                       .curves = {over_sizes({.name = "NF of K layers", .color = 0}, row.stepwise),
                                  over_sizes({.name = "CNF of M units", .color = 1}, row.continuous)},
                       .x_scale = Scale::kLog,
                       .y_scale = Scale::kLog});
  }
  return {figures, 2, {.height = 320}};
}

/// A row a target: what `cell` says of each fit.
Table table_of(const std::vector<Row>& rows, const std::string& caption,
               const std::function<std::string(const Fit&)>& cell) {
  Table table{.header = {"target"}, .caption = caption};
  for (const char* kind : {"NF K = ", "CNF M = "})
    for (const std::int64_t size : kSizes) table.header.push_back(text::concat(kind, size));
  for (const Row& row : rows) {
    table.add(row.name);
    for (const auto* fits : {&row.stepwise, &row.continuous})
      for (const Fit& fit : *fits) table.rows.back().push_back(cell(fit));
  }
  return table;
}

Row study(Figure target, const std::string& name, const std::function<Fit(const Candidate&)>& fit,
          const Request& request) {
  Row row{.name = name, .target = std::move(target)};
  for (const std::int64_t size : kSizes) {
    row.stepwise.push_back(fit(stepwise(size, request.seed)));
    row.continuous.push_back(fit(continuous(size, request.seed)));
    request.tell(name, ", size ", size, ": KL of the flow in steps ", text::number(row.stepwise.back().kl),
                 ", in continuous time ", text::number(row.continuous.back().kl));
  }
  return row;
}

std::vector<Metric> metrics_of(const std::vector<Row>& rows) {
  double worst = -HUGE_VAL, lowest = HUGE_VAL;
  std::vector<Metric> metrics;
  for (const Row& row : rows) {
    const double difference = row.continuous.back().kl - row.stepwise.back().kl;
    worst = std::max(worst, difference);
    metrics.push_back(told(row.name + ": KL of the CNF with M = 32", row.continuous.back().kl));
    metrics.push_back(told(row.name + ": KL of the NF with K = 32", row.stepwise.back().kl));
    for (const auto* fits : {&row.stepwise, &row.continuous})
      for (const Fit& fit : *fits) lowest = std::min(lowest, fit.kl);
  }
  metrics.insert(
      metrics.begin(),
      {at_most(0, "KL of the CNF with M = 32 less that of the NF with K = 32, worst target (nats)", worst,
               "at least as good (Chen et al. 2018, Fig. 4)"),
       at_least(-0.02, "smallest KL of all (nats; a true one is not negative, sampling error 0.02)", lowest)});
  return metrics;
}

}  // namespace

Outcome flows(const Request& request) {
  std::vector<Row> rows, likelihoods;
  for (int which = 1; which <= (request.quick ? 1 : 4); ++which)
    rows.push_back(study(
        potential_figure(which), text::concat("potential ", which),
        [&](const Candidate& candidate) { return match(candidate, which, request); }, request));
  for (const Data& data : kData) {
    if (request.quick && data.name == "circles") continue;
    const HostArray some = sample_density(data.name, {.seed = request.seed + 2, .first = 0, .count = 3000});
    likelihoods.push_back(study(
        samples_figure(data.name, kHalfWidth, some, 6), data.name,
        [&](const Candidate& candidate) { return fit_density(candidate, data, request); }, request));
  }
  rows.insert(rows.end(), likelihoods.begin(), likelihoods.end());
  const std::string with_entropy = text::concat("Test NLL in nats; the data's entropy is ", kData[0].entropy,
                                                " for circles, ", kData[1].entropy, " for moons.");
  return {.title = "Planar flows, in steps and in continuous time",
          .figure = overview(rows),
          .caption =
              "Targets, and samples of flows of K = 2, 8, 32 layers and of continuous flows of M = 2, 8, 32 units. "
              "Potentials: trained on the divergence; circles and moons: on the likelihood of data.",
          .sections = {{"Numbers",
                        {table_of(rows, "True KL divergence in nats, with the seconds of training.",
                                  [](const Fit& fit) {
                                    return text::concat(text::number(fit.kl, 3), " (", text::number(fit.seconds, 2),
                                                        " s)");
                                  }),
                         table_of(likelihoods, with_entropy, [](const Fit& fit) { return text::number(fit.nll, 4); }),
                         Picture{losses(rows)}}}},
          .metrics = metrics_of(rows)};
}

}  // namespace costate::experiments

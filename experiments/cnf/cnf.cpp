// Continuous normalizing flows on six densities of the plane: trained on the density of samples, then sampled from.
#include "costate/models/cnf.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "costate/data/data.h"
#include "costate/nn/nn.h"
#include "experiments/experiment.h"
#include "experiments/flow_training.h"

namespace costate::experiments {
namespace {

struct Target {
  std::string name;
  double entropy;  // nats, by quadrature of the density of the generator; NaN: not known
  bool has_film = false;
  std::int64_t effort = 1;  // times as many steps of training
};

const std::vector<Target> kTargets = {{"circles", 3.26814, true}, {"moons", 2.39391, true},
                                      {"8gaussians", 2.83193},    {"rings", 2.62318, false, 3},
                                      {"checkerboard", 3.46574},  {"pinwheel", std::nan("")}};

/// A flow whose field is a tanh network of (z, t).
struct Model {
  Mlp net;
  Cnf flow;

  struct Options {
    TraceEstimate trace = TraceEstimate::kExact;
    bool regularizers = false;
    double tolerance = 1e-3;  // coarse, as gradients are those of the steps taken
  };

  Model(const Options& options, std::uint64_t seed)
      : net({.inputs = 3, .hidden = {64, 64, 64}, .outputs = 2, .seed = seed}),
        flow(
            [this](Array t, Array z) {
              return net(concat({z, reshape(t, {1})}));
            },
            {.trace = options.trace,
             .regularizers = options.regularizers,
             .solve = {.rtol = options.tolerance, .atol = options.tolerance}}) {}
};

/// The rest of the flow from time `start` on, with the exact trace: its density is that of the data on their way.
Cnf rest_of_flow(const Mlp& net, double start, const SolveOptions& options) {
  return Cnf(
      [&net, start](Array t, Array z) {
        return net(concat({z, reshape(t + start, {1})}));
      },
      {.end = 1 - start, .solve = options});
}

const SolveOptions kJudged = {.rtol = 1e-5, .atol = 1e-5};

struct Weights {
  double kinetic = 0, jacobian = 0;  // of the regularizers
};

struct Trained {
  Target target;
  std::string variant;
  std::vector<double> losses;
  double seconds = 0;
  double nll = 0;            // on samples that were not trained on
  double inverse_error = 0;  // largest, of there and back at rtol 1e-6
  double integral = 0;       // of p over the plane
  double nfe = 0;            // a sample, forward, at the tolerance of training
  Raster density = {};
  std::vector<HostArray> film;  // samples [count, 2] at kFilm
  std::vector<Raster> film_density = {};
};

const std::vector<double> kFilm = {0.05, 0.2, 0.4, 0.6, 0.8, 1.0};  // share of the way from noise to data
constexpr double kHalfWidth = 5;                                    // of the pictures
constexpr std::int64_t kSamples = 3000;                             // in a picture

/// Log densities of data on their way, at time `start`, at the rows of x [n, 2].
HostArray log_density(const Model& model, double start, const HostArray& x) {
  const Cnf flow = rest_of_flow(model.net, start, kJudged);
  const Function f = trace([&](Array at) { return flow.density(at, zeros({2})).log_density; }, {{"x", {2}}});
  return compile(f, {.dtype = Dtype::kF32}).run({x}).outputs[0];
}

double inverse_error(const Model& model, const HostArray& x) {
  const Cnf flow = rest_of_flow(model.net, 0, {.method = Method::kDopri8, .rtol = 1e-6, .atol = 1e-8});
  const Function f =
      trace([&](Array at) { return reduce_max(abs(flow.sample(flow.density(at, zeros({2})).base) - at), {0}); },
            {{"x", {2}}});
  const HostArray errors = compile(f).run({x}).outputs[0];
  double largest = 0;
  for (std::int64_t i = 0; i < errors.size(); ++i) largest = std::max(largest, errors.at(i));
  return largest;
}

/// p at time `start` on a square grid around 0.
Raster density_on_grid(const Model& model, double start, double half_width, std::int64_t cells) {
  HostArray points(Shape{cells * cells, 2});
  const auto middle = [&](std::int64_t cell) {
    return half_width * (2 * (static_cast<double>(cell) + 0.5) / static_cast<double>(cells) - 1);
  };
  for (std::int64_t i = 0; i < cells * cells; ++i) {
    points.set(2 * i, middle(i % cells));
    points.set(2 * i + 1, middle(i / cells));
  }
  const HostArray logs = log_density(model, start, points);
  Raster raster{.x_low = -half_width,
                .x_high = half_width,
                .y_low = -half_width,
                .y_high = half_width,
                .columns = static_cast<std::size_t>(cells)};
  for (std::int64_t i = 0; i < logs.size(); ++i) raster.values.push_back(std::exp(logs.at(i)));
  return raster;
}

/// Of p, over a square that holds all of it.
double integral(const Model& model, const Request& request) {
  constexpr double kWide = 8;
  const std::int64_t cells = request.quick ? 100 : 200;
  double sum = 0;
  for (const double p : density_on_grid(model, 0, kWide, cells).values) sum += p;
  return sum * std::pow(2 * kWide / static_cast<double>(cells), 2);
}

/// Noise on its way to data: samples [kSamples, 2] at kFilm.
std::vector<HostArray> film(const Model& model, std::uint64_t seed) {
  const Cnf flow = rest_of_flow(model.net, 0, kJudged);
  std::vector<double> times = {1};
  for (const double share : kFilm) times.push_back(1 - share);
  const Function f =
      trace([&](Array base) { return flow.path(base, constant(HostArray::vector(times))); }, {{"base", {2}}});
  const HostArray paths = compile(f).run({normal_pairs(seed, 7, kSamples)}).outputs[0];
  const auto rows = static_cast<std::int64_t>(times.size());
  std::vector<HostArray> frames;
  for (std::int64_t row = 1; row < rows; ++row) {
    HostArray points(Shape{kSamples, 2});
    for (std::int64_t i = 0; i < kSamples; ++i)
      for (std::int64_t k = 0; k < 2; ++k) points.set(2 * i + k, paths.at((i * rows + row) * 2 + k));
    frames.push_back(points);
  }
  return frames;
}

/// Everything but the training.
void judge(const Model& model, const Request& request, Trained& trained) {
  const auto unseen = [&](std::uint64_t stream, std::int64_t count) {
    return sample_density(trained.target.name, {.seed = request.seed + stream, .first = 0, .count = count});
  };
  trained.nll = -mean_of(log_density(model, 0, unseen(1, request.quick ? 2000 : 20'000)));
  trained.inverse_error = inverse_error(model, unseen(2, request.quick ? 200 : 1000));
  trained.integral = integral(model, request);
  trained.density = density_on_grid(model, 0, kHalfWidth, 100);
  trained.film = film(model, request.seed);
  if (trained.target.has_film)
    for (const double share : kFilm) trained.film_density.push_back(density_on_grid(model, 1 - share, kHalfWidth, 60));
}

Trained learn(const Target& target, TraceEstimate trace_estimate, const Weights& weights, const Request& request) {
  const bool regularized = weights.kinetic > 0;
  const Model model({.trace = trace_estimate, .regularizers = regularized}, request.seed);
  const Function loss = trace(
      [&](Array x, Array noise) {
        const FlowDensity density = model.flow.density(x, noise);
        if (!regularized) return -density.log_density;
        return -density.log_density + weights.kinetic * density.kinetic + weights.jacobian * density.jacobian;
      },
      {{"x", {2}}, {"noise", {2}}});
  const FreshTraining training{.steps = request.quick ? 200 : 2500 * target.effort, .batch = 256};
  Trained trained;
  trained.target = target;
  trained.variant = trace_estimate == TraceEstimate::kExact ? "exact trace" : "Hutchinson";
  if (regularized) trained.variant = "regularized";
  const auto begin = std::chrono::steady_clock::now();
  trained.losses = train_on_fresh(loss, model.net.parameters(), training, [&](std::int64_t step) {
    return std::vector<HostArray>{
        sample_density(target.name, {.seed = request.seed, .first = step * training.batch, .count = training.batch}),
        normal_pairs(request.seed, 1000 + static_cast<std::uint64_t>(step), training.batch)};
  });
  trained.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const HostArray some = sample_density(target.name, {.seed = request.seed + 3, .first = 0, .count = 1000});
  trained.nfe = static_cast<double>(compile(loss).run({some, normal_pairs(3, 3, 1000)}).report.nfe_forward) / 1000;
  judge(model, request, trained);
  request.say(text::concat(target.name, ", ", trained.variant, ": NLL ", text::number(trained.nll), " (entropy ",
                           text::number(target.entropy), ") after ", text::number(trained.seconds), " s"));
  return trained;
}

/// How many standard errors the mean of Hutchinson's estimate lies from the exact trace, over many noises.
double estimator_bias(const Request& request) {
  const Model estimated({.trace = TraceEstimate::kHutchinson, .tolerance = 1e-8}, request.seed + 9),
      exact({.tolerance = 1e-8}, request.seed + 9);
  const Function difference = trace(
      [&](Array x, Array noise) {
        return estimated.flow.density(x, noise).log_density - exact.flow.density(x, noise).log_density;
      },
      {{"x", {2}}, {"noise", {2}}});
  constexpr std::int64_t kCount = 5000;
  HostArray x(Shape{kCount, 2});
  for (std::int64_t i = 0; i < kCount; ++i) x.set(2 * i, 0.7);
  const HostArray found = compile(difference).run({x, normal_pairs(request.seed, 5, kCount)}).outputs[0];
  const double mean = mean_of(found);
  double squares = 0;
  for (std::int64_t i = 0; i < kCount; ++i) squares += std::pow(found.at(i) - mean, 2);
  return std::abs(mean) / std::sqrt(squares / kCount / kCount);
}

// ---- pictures

Curve dots(const HostArray& points, int color) {
  Curve curve{.name = "", .mark = Mark::kDots, .color = color};
  for (std::int64_t i = 0; i < points.shape()[0]; ++i) {
    curve.x.push_back(points.at(2 * i));
    curve.y.push_back(points.at(2 * i + 1));
  }
  return curve;
}

Figure square(const std::string& title) {
  return {.title = title,
          .x_label = "x",
          .y_label = "y",
          .aspect = Aspect::kEqual,
          .x_range = {-kHalfWidth, kHalfWidth},
          .y_range = {-kHalfWidth, kHalfWidth},
          .width = 250,
          .height = 260};
}

/// Data, learned density and samples of each target, two targets a row; then noise on its way to data.
Sheet overview(const std::vector<Trained>& all, const Request& request) {
  std::vector<Figure> figures;
  for (const Trained& trained : all) {
    Figure data = square(trained.target.name + ": data"), density = square("learned density"),
           samples = square("samples of the flow");
    data.curves = {
        dots(sample_density(trained.target.name, {.seed = request.seed + 4, .first = 0, .count = kSamples}), 6)};
    density.rasters = {trained.density};
    samples.curves = {dots(trained.film.back(), 1)};
    figures.insert(figures.end(), {data, density, samples});
  }
  for (const Trained& trained : all) {
    std::vector<Figure> densities, samples;
    for (std::size_t frame = 0; frame < trained.film_density.size(); ++frame) {
      const std::string when = text::concat(trained.target.name, ", ", 100 * kFilm[frame], " %");
      densities.push_back(square(when));
      densities.back().rasters = {trained.film_density[frame]};
      samples.push_back(square(when));
      samples.back().curves = {dots(trained.film[frame], 1)};
    }
    figures.insert(figures.end(), densities.begin(), densities.end());
    figures.insert(figures.end(), samples.begin(), samples.end());
  }
  return {figures, 6};
}

Figure loss_figure(const std::vector<Trained>& all) {
  Figure figure{.title = "negative log-likelihood of the training batches", .x_label = "step", .y_label = "nats"};
  int color = 0;
  for (const Trained& trained : all) {
    Curve curve{.name = trained.target.name, .color = color++};
    constexpr std::size_t kMean = 20;
    for (std::size_t i = 0; i + kMean <= trained.losses.size(); i += kMean) {
      double sum = 0;
      for (std::size_t k = 0; k < kMean; ++k) sum += trained.losses[i + k];
      curve.x.push_back(static_cast<double>(i));
      curve.y.push_back(sum / kMean);
    }
    figure.curves.push_back(curve);
  }
  return figure;
}

Table table_of(const std::vector<Trained>& all) {
  Table table{.header = {"data", "variant", "test NLL (nats)", "entropy of the data", "inverse error", "integral of p",
                         "NFE", "seconds"},
              .rows = {}};
  for (const Trained& t : all)
    table.rows.push_back({t.target.name, t.variant, text::number(t.nll),
                          std::isnan(t.target.entropy) ? "unknown" : text::number(t.target.entropy, 5),
                          text::number(t.inverse_error, 2), text::number(t.integral, 5), text::number(t.nfe, 3),
                          text::number(t.seconds, 3)});
  return table;
}

}  // namespace

Outcome cnf(const Request& request) {
  std::vector<Trained> all;
  for (const Target& target : kTargets)
    if (!request.quick || all.size() < 2) all.push_back(learn(target, TraceEstimate::kExact, {}, request));
  std::vector<Trained> variants = {
      learn(kTargets[1], TraceEstimate::kHutchinson, {}, request),
      learn(kTargets[1], TraceEstimate::kExact, {.kinetic = 0.01, .jacobian = 0.01}, request)};
  Outcome outcome{.title = "Continuous normalizing flows",
                  .figure = overview(all, request),
                  .caption =
                      "Above: data, the density that the flow learned of them, and its samples. Below: the density and "
                      "samples on their way from noise to data, in percent of the time."};
  std::vector<Trained> rows = all;
  rows.insert(rows.end(), variants.begin(), variants.end());
  outcome.sections = {{"Training", {Picture{loss_figure(all)}, table_of(rows)}}};
  double inverse = 0, off = 0;
  for (const Trained& trained : rows) {
    inverse = std::max(inverse, trained.inverse_error);
    off = std::max(off, std::abs(trained.integral - 1));
  }
  const double margin = request.quick ? 1.0 : 0.05;
  outcome.metrics = {
      {"inverse error of dopri8 at rtol 1e-6, worst", inverse, Bound::kAtMost, 1e-4},
      {"integral of p over the plane: distance from 1, worst", off, Bound::kAtMost, 0.005},
      {"trace estimator: standard errors from the exact one", estimator_bias(request), Bound::kAtMost, 4}};
  for (const Trained& trained : all) {
    const bool judged =
        trained.target.name == "circles" || trained.target.name == "moons" || trained.target.name == "8gaussians";
    if (std::isnan(trained.target.entropy)) continue;
    outcome.metrics.push_back({trained.target.name + ": test NLL above the data's entropy (nats)",
                               trained.nll - trained.target.entropy, judged ? Bound::kAtMost : Bound::kNone, margin});
  }
  outcome.metrics.push_back({"moons, Hutchinson: test NLL above the data's entropy (nats)",
                             variants[0].nll - kTargets[1].entropy, Bound::kAtMost, 2 * margin});
  outcome.metrics.push_back({"two moons: seconds of training", all[1].seconds});
  outcome.metrics.push_back(
      {"regularized moons: NFE over that without", variants[1].nfe / all[1].nfe, Bound::kNone, 0});
  return outcome;
}

}  // namespace costate::experiments

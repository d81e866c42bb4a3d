// Continuous normalizing flows on six densities of the plane: trained on the density of samples, then sampled from.
#include <algorithm>
#include <cmath>

#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

struct Target {
  std::string name;
  double entropy = std::nan("");  // nats, by quadrature of the density of the generator; NaN: not known
  bool is_judged = false;         // by its likelihood
  bool has_film = false;
  std::int64_t effort = 1;  // times as many steps of training
};

const std::vector<Target> kTargets = {{.name = "circles", .entropy = 3.26814, .is_judged = true, .has_film = true},
                                      {.name = "moons", .entropy = 2.39391, .is_judged = true, .has_film = true},
                                      {.name = "8gaussians", .entropy = 2.83193, .is_judged = true},
                                      {.name = "rings", .entropy = 2.62318, .effort = 3},
                                      {.name = "checkerboard", .entropy = 3.46574},
                                      {.name = "pinwheel"}};

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
  TrainResult training = {};
  double nll = 0;            // on samples that were not trained on
  double inverse_error = 0;  // largest, of there and back at rtol 1e-6
  double integral = 0;       // of p over the plane
  double nfe = 0;            // a sample, forward, at the tolerance of training
  Raster density = {};
  std::vector<HostArray> film = {};  // samples [count, 2] at kFilm
  std::vector<Raster> film_density = {};
};

const std::vector<double> kFilm = {0.05, 0.2, 0.4, 0.6, 0.8, 1.0};  // share of the way from noise to data
constexpr double kPictureHalfWidth = 5;                             // of the pictures
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
  return std::ranges::max(compile(f).run({x}).outputs[0].numbers());
}

/// p at time `start`.
Raster density_on_grid(const Model& model, double start, const SquareGrid& grid) {
  std::vector<double> densities = log_density(model, start, grid.middles()).numbers();
  for (double& value : densities) value = std::exp(value);
  return grid.raster(std::move(densities));
}

/// Of p, over a square that holds all of it.
double integral(const Model& model, const Request& request) {
  const SquareGrid wide{.half_width = 8, .cells = request.quick ? 100 : 200};
  double sum = 0;
  for (const double p : density_on_grid(model, 0, wide).values) sum += p;
  return sum * std::pow(2 * wide.half_width / static_cast<double>(wide.cells), 2);
}

/// Noise on its way to data: samples [kSamples, 2] at kFilm.
std::vector<HostArray> film(const Model& model, std::uint64_t seed) {
  const Cnf flow = rest_of_flow(model.net, 0, kJudged);
  std::vector<double> times = {1};
  for (const double share : kFilm) times.push_back(1 - share);
  const Function f = trace(
      [&](Array base) {
        const Array path = flow.path(base, constant(HostArray::vector(times)));
        std::vector<Array> frames;
        for (std::size_t i = 0; i < kFilm.size(); ++i) frames.push_back(path[static_cast<std::int64_t>(i) + 1]);
        return frames;
      },
      {{"base", {2}}});
  return compile(f).run({normal_numbers({kSamples, 2}, Random(seed), 7)}).outputs;
}

/// Everything but the training.
void judge(const Model& model, const Request& request, Trained& trained) {
  const auto unseen = [&](std::uint64_t stream, std::int64_t count) {
    return sample_density(trained.target.name, {.seed = request.seed + stream, .first = 0, .count = count});
  };
  trained.nll = -log_density(model, 0, unseen(1, request.quick ? 2000 : 20'000)).mean();
  trained.inverse_error = inverse_error(model, unseen(2, request.quick ? 200 : 1000));
  trained.integral = integral(model, request);
  trained.density = density_on_grid(model, 0, {.half_width = kPictureHalfWidth});
  trained.film = film(model, request.seed);
  if (!trained.target.has_film) return;
  for (const double share : kFilm)
    trained.film_density.push_back(density_on_grid(model, 1 - share, {.half_width = kPictureHalfWidth, .cells = 60}));
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
  constexpr std::int64_t kBatch = 256;
  const auto fresh = [&](const Batch& batch) -> std::vector<HostArray> {
    return {sample_density(target.name, {.seed = request.seed, .first = batch.step * kBatch, .count = kBatch}),
            normal_numbers({kBatch, 2}, Random(request.seed), 1000 + static_cast<std::uint64_t>(batch.step))};
  };
  const std::vector<Parameter>& parameters = model.net.parameters();
  Trained trained{.target = target,
                  .variant = regularized                               ? "regularized"
                             : trace_estimate == TraceEstimate::kExact ? "exact trace"
                                                                       : "Hutchinson"};
  trained.training = train({.parameters = parameters,
                            .num_samples = kEndless,
                            .evaluate = mean_loss(loss, parameters, fresh, {.dtype = Dtype::kF32})},
                           {.epochs = request.quick ? 200 : 2500 * target.effort,
                            .optimizer = {.clip_norm = 10},
                            .schedule = {.kind = ScheduleKind::kCosine, .base = 5e-3}});
  const HostArray some = sample_density(target.name, {.seed = request.seed + 3, .first = 0, .count = 1000});
  const HostArray noise = normal_numbers({1000, 2}, Random(3), 3);
  trained.nfe = static_cast<double>(compile(loss).run({some, noise}).report.nfe_forward) / 1000;
  judge(model, request, trained);
  request.tell(target.name, ", ", trained.variant, ": NLL ", text::number(trained.nll), " (entropy ",
               text::number(target.entropy), ") after ", text::number(trained.training.seconds()), " s");
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
  for (std::int64_t i = 0; i < kCount; ++i) x.set({i, 0}, 0.7);
  const HostArray noise = normal_numbers({kCount, 2}, Random(request.seed), 5);
  const HostArray found = compile(difference).run({x, noise}).outputs[0];
  const double mean = found.mean();
  double squares = 0;
  for (const double one : found.numbers()) squares += std::pow(one - mean, 2);
  return std::abs(mean) / std::sqrt(squares / kCount / kCount);
}

// ---- pictures

Figure density_figure(const std::string& title, const Raster& density) {
  Figure figure = square_figure(title, kPictureHalfWidth);
  figure.rasters = {density};
  return figure;
}

/// Data, learned density and samples of each target, two targets a row; then noise on its way to data.
Sheet overview(const std::vector<Trained>& all, const Request& request) {
  std::vector<Figure> figures;
  for (const Trained& trained : all) {
    const std::string& name = trained.target.name;
    const HostArray data = sample_density(name, {.seed = request.seed + 4, .first = 0, .count = kSamples});
    figures.push_back(samples_figure(name + ": data", kPictureHalfWidth, data, 6));
    figures.push_back(density_figure("learned density", trained.density));
    figures.push_back(samples_figure("samples of the flow", kPictureHalfWidth, trained.film.back(), 1));
  }
  for (const Trained& trained : all) {
    if (!trained.target.has_film) continue;
    const auto when = [&](std::size_t frame) {
      return text::concat(trained.target.name, ", ", 100 * kFilm[frame], " %");
    };
    for (std::size_t i = 0; i < kFilm.size(); ++i) figures.push_back(density_figure(when(i), trained.film_density[i]));
    for (std::size_t i = 0; i < kFilm.size(); ++i)
      figures.push_back(samples_figure(when(i), kPictureHalfWidth, trained.film[i], 1));
  }
  return {figures, 6, {.width = 250, .height = 260}};
}

/// Means over 20 steps each.
Figure loss_figure(const std::vector<Trained>& all) {
  Figure figure{.title = "negative log-likelihood of the training batches", .x_label = "step", .y_label = "nats"};
  int color = 0;
  for (const Trained& trained : all) {
    constexpr std::size_t kMean = 20;
    const std::vector<HistoryRow>& history = trained.training.history;
    std::vector<double> means;
    for (std::size_t i = 0; i + kMean <= history.size(); i += kMean) {
      double sum = 0;
      for (std::size_t k = 0; k < kMean; ++k) sum += history[i + k].loss;
      means.push_back(sum / kMean);
    }
    figure.curves.push_back(Curve{.name = trained.target.name, .color = color++}.over({.spacing = kMean}, means));
  }
  return figure;
}

Table table_of(const std::vector<Trained>& all) {
  Table table{.header = {"data", "variant", "test NLL (nats)", "entropy of the data", "inverse error", "integral of p",
                         "NFE", "seconds"}};
  for (const Trained& t : all)
    table.add(t.target.name, t.variant, t.nll,
              std::isnan(t.target.entropy) ? "unknown" : text::number(t.target.entropy, 5),
              text::number(t.inverse_error, 2), text::number(t.integral, 5), text::number(t.nfe, 3),
              text::number(t.training.seconds(), 3));
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
  outcome.metrics = {at_most(1e-4, "inverse error of dopri8 at rtol 1e-6, worst", inverse),
                     at_most(0.005, "integral of p over the plane: distance from 1, worst", off),
                     at_most(4, "trace estimator: standard errors from the exact one", estimator_bias(request))};
  for (const Trained& trained : all) {
    if (std::isnan(trained.target.entropy)) continue;
    const std::string name = trained.target.name + ": test NLL above the data's entropy (nats)";
    const double excess = trained.nll - trained.target.entropy;
    outcome.metrics.push_back(trained.target.is_judged ? at_most(margin, name, excess) : told(name, excess));
  }
  outcome.metrics.push_back(at_most(2 * margin, "moons, Hutchinson: test NLL above the data's entropy (nats)",
                                    variants[0].nll - kTargets[1].entropy));
  outcome.metrics.push_back(told("two moons: seconds of training", all[1].training.seconds()));
  outcome.metrics.push_back(told("regularized moons: NFE over that without", variants[1].nfe / all[1].nfe));
  return outcome;
}

}  // namespace costate::experiments

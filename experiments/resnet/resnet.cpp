// Plain against residual networks over their depth (He et al. 2016), the chain rule of both, and the ResNet as the
// Euler step of an ODE.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "costate/array/take_rows.h"
#include "costate/base/error.h"
#include "costate/data/data.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/io/idx.h"
#include "costate/models/models.h"
#include "costate/nn/nn.h"
#include "costate/solve/solve.h"
#include "costate/train/train.h"
#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

// ---- data

struct Labelled {
  HostArray inputs, classes;  // [n, width], [n, classes] unit vectors
};

constexpr std::int64_t kPixels = 784, kClasses = 10;

/// DataError unless there are `count` images of 28 x 28, and as many labels of 0 … 9.
void check_images(const std::filesystem::path& path, const HostArray& images, const HostArray& labels,
                  std::int64_t count) {
  if (images.shape()[0] < count || images.size() / images.shape()[0] != kPixels)
    throw DataError("[reproduce] '", path.string(), "' has ", images.shape(), " images; needs ", count, " of 28 x 28.");
  bool sound = labels.shape().rank() == 1 && labels.size() >= count;
  for (std::int64_t i = 0; sound && i < count; ++i) sound = labels.at(i) >= 0 && labels.at(i) < kClasses;
  if (!sound)
    throw DataError("[reproduce] the labels beside '", path.string(), "' are not ", count, " numbers of 0 … 9, but ",
                    labels.shape(), "; are the files mixed up?");
}

/// The first images of a file, pixels in [0, 1] less their mean, and their labels.
Labelled read_images(const std::filesystem::path& folder, const std::string& part, std::int64_t count) {
  const std::filesystem::path path = folder / (part + "-images-idx3-ubyte.gz");
  if (!std::filesystem::exists(path))
    throw InvalidArgument("[reproduce] '", path.string(),
                          "' is missing; install Debian's dataset-fashion-mnist, or give "
                          "the folder of its four files with --data DIR.");
  const HostArray images = read_idx(path), labels = read_idx(folder / (part + "-labels-idx1-ubyte.gz"));
  check_images(path, images, labels, count);
  constexpr double kMeanPixel = 0.286;  // of the training images
  Labelled data{HostArray(Shape{count, kPixels}, Dtype::kF32), HostArray(Shape{count, kClasses}, Dtype::kF32)};
  for (std::int64_t i = 0; i < count * kPixels; ++i) data.inputs.set(i, images.at(i) / 255 - kMeanPixel);
  for (std::int64_t i = 0; i < count; ++i) data.classes.set(i * kClasses + static_cast<std::int64_t>(labels.at(i)), 1);
  return data;
}

/// In f32, as the nets are trained.
Labelled spirals(std::uint64_t seed, std::int64_t count) {
  const LabelledPoints made = two_spirals({.seed = seed, .count = count});
  return {made.points.astype(Dtype::kF32), made.classes.astype(Dtype::kF32)};
}

// ---- networks

struct Score {
  double train_error = 0, test_error = 0;  // %
  std::vector<double> gradient_norms;      // of the weights of each layer before training
};

double error_rate(const Program& logits, const Labelled& data) {
  const HostArray found = logits.run({data.inputs}).outputs[0];
  const std::int64_t count = data.classes.shape()[0], classes = data.classes.shape()[1];
  double wrong = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < classes; ++k)
      if (found.at(i * classes + k) > found.at(i * classes + best)) best = k;
    wrong += data.classes.at(i * classes + best) == 0 ? 1 : 0;
  }
  return 100 * wrong / static_cast<double>(count);
}

Score train_net(Skip skip, std::int64_t depth, const Labelled& train_data, const Labelled& test_data,
                std::int64_t epochs, std::uint64_t seed) {
  const std::int64_t in = train_data.inputs.shape()[1], classes = train_data.classes.shape()[1];
  const DeepNet net({.inputs = in, .depth = depth, .outputs = classes, .skip = skip, .seed = seed});
  const std::vector<Parameter>& parameters = net.parameters();
  const Function loss =
      trace([&](Array x, Array c) { return cross_entropy(net(x), c); }, {{"x", {in}}, {"c", {classes}}});
  const Program gradient = compile(value_and_grad(loss, parameters), {.dtype = Dtype::kF32});
  const auto evaluate = [&](std::span<const std::size_t> rows) {
    return mean_over_batch(gradient.run({take_rows(train_data.inputs, rows), take_rows(train_data.classes, rows)}));
  };
  Score score;
  std::vector<std::size_t> some(256);
  std::iota(some.begin(), some.end(), std::size_t{0});
  const Evaluation first = evaluate(some);
  for (std::size_t i = 2; i + 2 < first.gradients.size(); i += 2) {
    double squares = 0;
    for (std::int64_t k = 0; k < first.gradients[i].size(); ++k) squares += std::pow(first.gradients[i].at(k), 2);
    score.gradient_norms.push_back(std::sqrt(squares));
  }
  train({.parameters = parameters,
         .num_samples = static_cast<std::size_t>(train_data.inputs.shape()[0]),
         .evaluate = evaluate},
        {.epochs = epochs,
         .batch = 64,
         .seed = seed,
         .optimizer = {.kind = OptimizerKind::kSgd, .momentum = 0.9, .clip_norm = 5},
         .schedule = {.kind = ScheduleKind::kCosine, .base = 0.02}});
  const Program logits = compile(trace([&](Array x) { return net(x); }, {{"x", {in}}}), {.dtype = Dtype::kF32});
  score.train_error = error_rate(logits, train_data);
  score.test_error = error_rate(logits, test_data);
  return score;
}

struct DepthStudy {
  std::string data;
  std::vector<std::int64_t> depths;
  std::vector<Score> plain, residual;
};

DepthStudy study(const std::string& name, const std::vector<std::int64_t>& depths, const Labelled& train_data,
                 const Labelled& test_data, std::int64_t epochs, const Request& request) {
  DepthStudy found{.data = name, .depths = depths, .plain = {}, .residual = {}};
  for (const std::int64_t depth : depths) {
    found.plain.push_back(train_net(Skip::kNone, depth, train_data, test_data, epochs, request.seed));
    found.residual.push_back(train_net(Skip::kIdentity, depth, train_data, test_data, epochs, request.seed));
    request.say(text::concat(name, ", depth ", depth, ": training error plain ",
                             text::number(found.plain.back().train_error), " %, residual ",
                             text::number(found.residual.back().train_error), " %"));
  }
  return found;
}

// ---- the chain rule of the notes

/// x2 = f2(f1(x0)) and x2 = x1 + f2(x1), x1 = x0 + f1(x0): w dx2/dx0 by vjp, less the product of the blocks' Jacobians
/// that the chain rule says; largest element.
double chain_rule_error(Skip skip) {
  constexpr std::int64_t n = 5;
  const Mlp f1({.inputs = n, .hidden = {8}, .outputs = n, .seed = 1, .name = "f1"}),
      f2({.inputs = n, .hidden = {8}, .outputs = n, .seed = 2, .name = "f2"});
  const Function difference = trace(
      [&](Array x0, Array w) {
        const bool residual = skip == Skip::kIdentity;
        const Array y1 = f1(x0), x1 = residual ? x0 + y1 : y1, y2 = f2(x1), x2 = residual ? x1 + y2 : y2;
        HostArray identity(Shape{n, n});
        for (std::int64_t i = 0; i < n; ++i) identity.set(i * n + i, residual ? 1 : 0);
        const Array j1 = constant(identity) + jacobian(y1, x0), j2 = constant(identity) + jacobian(y2, x1);
        const Array by_vjp = pull_back(std::span(&x2, 1), std::span(&w, 1), std::span(&x0, 1))[0];
        return reduce_max(abs(by_vjp - matmul(matmul(w, j2), j1)), {0});
      },
      {{"x0", {n}}, {"w", {n}}});
  HostArray x(Shape{1, n}), w(Shape{1, n});
  for (std::int64_t i = 0; i < n; ++i)
    x.set(i, std::sin(1.0 + static_cast<double>(i))), w.set(i, std::cos(static_cast<double>(i)));
  return compile(difference).run({x, w}).outputs[0].at(0);
}

// ---- the ResNet as Euler's method

struct EulerStudy {
  std::vector<double> blocks, errors;
  double slope = 0;  // of log error over log N, by least squares
};

EulerStudy study_euler() {
  EulerStudy found;
  const MlpOptions branch{.inputs = 4, .hidden = {16}, .outputs = 4, .seed = 3};
  const Mlp field_net(branch);
  const VectorField field = vector_field({4}, [&](Array, Array z) { return field_net(z); });
  const HostArray start(Shape{1, 4}, std::vector<double>{1, -0.5, 0.3, 0.8});
  const HostArray truth =
      solve(field, start, HostArray::vector({0, 1}), {.method = Method::kDopri8, .rtol = 1e-13, .atol = 1e-13}).states;
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (int blocks = 16; blocks <= 512; blocks *= 2) {
    const Residual block({.branch = branch, .scale = 1.0 / blocks});
    const HostArray end = compile(trace(
                                      [&](Array x) {
                                        for (int i = 0; i < blocks; ++i) x = block(x);
                                        return x;
                                      },
                                      {{"x", {4}}}))
                              .run({start})
                              .outputs[0];
    double error = 0;
    for (std::int64_t i = 0; i < 4; ++i) error = std::max(error, std::abs(end.at(i) - truth.at(4 + i)));
    found.blocks.push_back(blocks);
    found.errors.push_back(error);
    const double x = std::log(blocks), y = std::log(error);
    sx += x, sy += y, sxx += x * x, sxy += x * y;
  }
  const auto n = static_cast<double>(found.blocks.size());
  found.slope = (n * sxy - sx * sy) / (n * sxx - sx * sx);
  return found;
}

// ---- pictures

Figure error_figure(const DepthStudy& study) {
  Figure figure{.title = study.data,
                .x_label = "depth (layers)",
                .y_label = "error (%)",
                .x_scale = Scale::kLog,
                .x_range = {3, 200},
                .y_range = {-3, 100},
                .width = 480};
  const auto add = [&](const std::vector<Score>& scores, double Score::*error, const std::string& name, Mark mark,
                       int color) {
    Curve curve{.name = name, .mark = mark, .color = color};
    for (std::size_t i = 0; i < scores.size(); ++i) {
      curve.x.push_back(static_cast<double>(study.depths[i]));
      curve.y.push_back(scores[i].*error);
    }
    figure.curves.push_back(curve);
  };
  add(study.plain, &Score::train_error, "plain, training", Mark::kLine, 1);
  add(study.plain, &Score::test_error, "plain, test", Mark::kDashed, 1);
  add(study.residual, &Score::train_error, "residual, training", Mark::kLine, 0);
  add(study.residual, &Score::test_error, "residual, test", Mark::kDashed, 0);
  return figure;
}

Figure gradient_figure(const DepthStudy& study) {
  Figure figure{.title = text::concat("gradient per layer before training, depth ", study.depths.back()),
                .x_label = "layer",
                .y_label = "norm of the gradient",
                .y_scale = Scale::kLog,
                .width = 480};
  const auto add = [&](const Score& score, const std::string& name, int color) {
    Curve curve{.name = name, .color = color};
    for (std::size_t i = 0; i < score.gradient_norms.size(); ++i) {
      curve.x.push_back(static_cast<double>(i + 1));
      curve.y.push_back(score.gradient_norms[i]);
    }
    figure.curves.push_back(curve);
  };
  add(study.plain.back(), "plain", 1);
  add(study.residual.back(), "residual", 0);
  return figure;
}

Figure euler_figure(const EulerStudy& study) {
  Curve errors{.name = "ResNet of N blocks, step 1 / N", .x = study.blocks, .y = study.errors, .color = 0};
  Curve order{.name = "order 1", .x = study.blocks, .mark = Mark::kDashed, .color = 6};
  for (const double n : study.blocks) order.y.push_back(study.errors[0] * study.blocks[0] / n);
  return {.title = "a ResNet is Euler's method",
          .x_label = "blocks N",
          .y_label = "distance to the ODE's solution",
          .curves = {errors, order},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog,
          .width = 480};
}

Table table_of(const DepthStudy& study) {
  Table table{.header = {"depth", "plain, training %", "plain, test %", "residual, training %", "residual, test %"},
              .rows = {},
              .caption = study.data};
  for (std::size_t i = 0; i < study.depths.size(); ++i)
    table.rows.push_back({std::to_string(study.depths[i]), text::number(study.plain[i].train_error),
                          text::number(study.plain[i].test_error), text::number(study.residual[i].train_error),
                          text::number(study.residual[i].test_error)});
  return table;
}

/// How much worse the deepest net is than the best of its kind, in points.
double excess(const std::vector<Score>& scores, double Score::*error) {
  double best = 100;
  for (const Score& score : scores) best = std::min(best, score.*error);
  return scores.back().*error - best;
}

struct Published {
  std::string plain, residual;
};

/// Plain nets must get worse with depth, residual ones not, in training and in test.
std::vector<Metric> metrics_of(const DepthStudy& study, double residual_limit, const Published& published) {
  const std::string plain = study.data + ", plain: ", residual = study.data + ", residual: ",
                    words = " error of the deepest above the best (points)";
  return {{plain + "training" + words, excess(study.plain, &Score::train_error), Bound::kAtLeast, 10},
          {plain + "test" + words, excess(study.plain, &Score::test_error), Bound::kAtLeast, 10, published.plain},
          {residual + "training" + words, excess(study.residual, &Score::train_error), Bound::kAtMost, residual_limit},
          {residual + "test" + words, excess(study.residual, &Score::test_error), Bound::kAtMost, residual_limit,
           published.residual}};
}

}  // namespace

Outcome resnet(const Request& request) {
  const bool quick = request.quick;
  const std::filesystem::path folder = request.data.empty() ? "/usr/share/datasets/fashion-mnist" : request.data;
  const std::vector<std::int64_t> depths =
      quick ? std::vector<std::int64_t>{4, 64} : std::vector<std::int64_t>{4, 8, 16, 32, 64, 128};
  const DepthStudy fashion = study("Fashion-MNIST", depths, read_images(folder, "train", quick ? 1000 : 6000),
                                   read_images(folder, "t10k", quick ? 1000 : 5000), quick ? 20 : 40, request);
  const DepthStudy spiral = study("two spirals", depths, spirals(request.seed, quick ? 500 : 1000),
                                  spirals(request.seed + 1, 1000), quick ? 60 : 150, request);
  const EulerStudy euler = study_euler();
  Outcome outcome{
      .title = "Depth, residuals and Euler's method",
      .figure = Sheet({error_figure(fashion), error_figure(spiral), gradient_figure(fashion), euler_figure(euler)}, 2),
      .caption =
          "Plain networks get worse with depth, on what they are trained on too; residual ones do not. A "
          "residual network whose blocks share their weights is Euler's method for an ODE.",
      .sections = {{"Numbers", {table_of(fashion), table_of(spiral)}}}};
  outcome.metrics =
      metrics_of(fashion, quick ? 8 : 3,
                 {"ImageNet top-1, plain-18 to plain-34: +0.60", "ImageNet top-1, ResNet-18 to ResNet-34: -2.85"});
  for (const Metric& metric : metrics_of(spiral, quick ? 8 : 3, {})) outcome.metrics.push_back(metric);
  outcome.metrics.insert(
      outcome.metrics.end(),
      {{"chain rule of x2 = f2(f1(x0)): largest error", chain_rule_error(Skip::kNone), Bound::kAtMost, 1e-14},
       {"chain rule of x2 = x1 + f2(x1), x1 = x0 + f1(x0): largest error", chain_rule_error(Skip::kIdentity),
        Bound::kAtMost, 1e-14},
       {"slope of the ResNet's error over N, distance from -1", std::abs(euler.slope + 1), Bound::kAtMost, 0.05}});
  return outcome;
}

}  // namespace costate::experiments

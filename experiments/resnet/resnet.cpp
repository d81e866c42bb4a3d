// Plain against residual networks over their depth (He et al. 2016), the chain rule of both, and the ResNet as the
// Euler step of an ODE.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "experiments/images.h"

namespace costate::experiments {
namespace {

// ---- data

struct Labelled {
  HostArray inputs, classes;  // [n, width], [n, classes] unit vectors
};

constexpr std::int64_t kPixels = 784;

/// The first images of a part, pixels in [0, 1] less their mean, and their labels.
Labelled first_images(const LabelledInputs& part, std::int64_t count) {
  if (part.count() < count || part.inputs.shape().without_first().size() != kPixels)
    throw DataError("[reproduce] there must be ", count, " images of 28 x 28 numbers; got ", part.inputs.shape(), ".");
  constexpr double kMeanPixel = 0.286;  // of the training images
  Labelled data{part.inputs.slice(0, count).reshape({count, kPixels}),
                one_hot(part.labels.slice(0, count), kImageClasses).astype(Dtype::kF32)};
  for (float& pixel : data.inputs.data<float>()) pixel = static_cast<float>(pixel / 255.0 - kMeanPixel);
  return data;
}

/// In f32, as the nets are trained.
Labelled spirals(std::uint64_t seed, std::int64_t count) {
  const LabelledPoints made = two_spirals({.seed = seed, .count = count});
  return {made.points.astype(Dtype::kF32), made.classes.astype(Dtype::kF32)};
}

// ---- networks

struct Score {
  std::int64_t depth;
  double train_error = 0, test_error = 0;   // %
  std::vector<double> gradient_norms = {};  // of the weights of each layer before training
};

double error_rate(const Program& logits, const Labelled& data) {
  const std::int64_t wrong = num_misclassified(logits.run({data.inputs}).outputs[0], data.classes);
  return 100 * static_cast<double>(wrong) / static_cast<double>(data.classes.shape()[0]);
}

struct DataSplit {
  std::string name;
  Labelled train, test;
};

Score train_net(const DataSplit& data, const DeepNetOptions& options, std::int64_t epochs) {
  const DeepNet net(options);
  const std::vector<Parameter>& parameters = net.parameters();
  const Function loss = trace([&](Array x, Array c) { return cross_entropy(net(x), c); },
                              {{"x", {options.inputs}}, {"c", {options.outputs}}});
  const auto rows = [&](const Batch& batch) -> std::vector<HostArray> {
    return {take_rows(data.train.inputs, batch.samples), take_rows(data.train.classes, batch.samples)};
  };
  const auto evaluate = mean_loss(loss, parameters, rows, {.dtype = Dtype::kF32});
  Score score{.depth = options.depth};
  std::vector<std::size_t> some(256);
  std::iota(some.begin(), some.end(), std::size_t{0});
  const Evaluation first = evaluate({.samples = some});
  for (std::size_t i = 2; i + 2 < first.gradients.size(); i += 2) {
    double squares = 0;
    for (const double number : first.gradients[i].numbers()) squares += std::pow(number, 2);
    score.gradient_norms.push_back(std::sqrt(squares));
  }
  train({.parameters = parameters,
         .num_samples = static_cast<std::size_t>(data.train.inputs.shape()[0]),
         .evaluate = evaluate},
        {.epochs = epochs,
         .batch = 64,
         .seed = options.seed,
         .optimizer = {.kind = OptimizerKind::kSgd, .momentum = 0.9, .clip_norm = 5},
         .schedule = {.kind = ScheduleKind::kCosine, .base = 0.02}});
  const Program logits =
      compile(trace([&](Array x) { return net(x); }, {{"x", {options.inputs}}}), {.dtype = Dtype::kF32});
  score.train_error = error_rate(logits, data.train);
  score.test_error = error_rate(logits, data.test);
  return score;
}

struct DepthStudy {
  std::string data;
  std::vector<Score> plain = {}, residual = {};  // by depth
};

DepthStudy study(const DataSplit& data, const std::vector<std::int64_t>& depths, std::int64_t epochs,
                 const Request& request) {
  DepthStudy found{.data = data.name};
  DeepNetOptions options{
      .inputs = data.train.inputs.shape()[1], .outputs = data.train.classes.shape()[1], .seed = request.seed};
  for (const std::int64_t depth : depths) {
    options.depth = depth;
    options.skip = Skip::kNone;
    const Score plain = found.plain.emplace_back(train_net(data, options, epochs));
    options.skip = Skip::kIdentity;
    const Score residual = found.residual.emplace_back(train_net(data, options, epochs));
    request.tell(data.name, ", depth ", depth, ": training error plain ", text::number(plain.train_error),
                 " %, residual ", text::number(residual.train_error), " %");
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
        const Array past = constant(residual ? identity_matrix(n) : HostArray({n, n}));  // the branch
        const Array j1 = past + jacobian(y1, x0), j2 = past + jacobian(y2, x1);
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
    const auto resnet = [&](Array x) {
      for (int i = 0; i < blocks; ++i) x = block(x);
      return x;
    };
    const HostArray end = compile(trace(resnet, {{"x", {4}}})).run({start}).outputs[0];
    double error = 0;
    for (std::int64_t i = 0; i < 4; ++i) error = std::max(error, std::abs(end(0, i) - truth(0, 1, i)));
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
  const Curve plain{.name = "plain, training", .color = 1},
      plain_test{.name = "plain, test", .mark = Mark::kDashed, .color = 1},
      residual{.name = "residual, training", .color = 0},
      residual_test{.name = "residual, test", .mark = Mark::kDashed, .color = 0};
  return {.title = study.data,
          .x_label = "depth (layers)",
          .y_label = "error (%)",
          .curves = {plain.through(study.plain, &Score::depth, &Score::train_error),
                     plain_test.through(study.plain, &Score::depth, &Score::test_error),
                     residual.through(study.residual, &Score::depth, &Score::train_error),
                     residual_test.through(study.residual, &Score::depth, &Score::test_error)},
          .x_scale = Scale::kLog,
          .x_range = {3, 200},
          .y_range = {-3, 100}};
}

Figure gradient_figure(const DepthStudy& study) {
  const Score &plain = study.plain.back(), &residual = study.residual.back();
  return {.title = text::concat("gradient per layer before training, depth ", plain.depth),
          .x_label = "layer",
          .y_label = "norm of the gradient",
          .curves = {Curve{.name = "plain", .color = 1}.over({.first = 1}, plain.gradient_norms),
                     Curve{.name = "residual", .color = 0}.over({.first = 1}, residual.gradient_norms)},
          .y_scale = Scale::kLog};
}

Figure euler_figure(const EulerStudy& study) {
  const auto order_1 = [&](double n) { return study.errors[0] * study.blocks[0] / n; };
  const Curve order{.name = "order 1", .mark = Mark::kDashed, .color = 6};
  return {.title = "a ResNet is Euler's method",
          .x_label = "blocks N",
          .y_label = "distance to the ODE's solution",
          .curves = {{.name = "ResNet of N blocks, step 1 / N", .x = study.blocks, .y = study.errors, .color = 0},
                     order.through(study.blocks, std::identity(), order_1)},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog};
}

Table table_of(const DepthStudy& study) {
  Table table{.header = {"depth", "plain, training %", "plain, test %", "residual, training %", "residual, test %"},
              .caption = study.data};
  for (std::size_t i = 0; i < study.plain.size(); ++i) {
    const Score &plain = study.plain[i], &residual = study.residual[i];
    table.add(plain.depth, plain.train_error, plain.test_error, residual.train_error, residual.test_error);
  }
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
  return {at_least(10, plain + "training" + words, excess(study.plain, &Score::train_error)),
          at_least(10, plain + "test" + words, excess(study.plain, &Score::test_error), published.plain),
          at_most(residual_limit, residual + "training" + words, excess(study.residual, &Score::train_error)),
          at_most(residual_limit, residual + "test" + words, excess(study.residual, &Score::test_error),
                  published.residual)};
}

}  // namespace

Outcome resnet(const Request& request) {
  const bool quick = request.quick;
  const ImageSet set = read_set(request);
  const std::vector<std::int64_t> depths =
      quick ? std::vector<std::int64_t>{4, 64} : std::vector<std::int64_t>{4, 8, 16, 32, 64, 128};
  const DataSplit images = {"Fashion-MNIST", first_images(set.train, quick ? 1000 : 6000),
                            first_images(set.test, quick ? 1000 : 5000)};
  const DataSplit points = {"two spirals", spirals(request.seed, quick ? 500 : 1000), spirals(request.seed + 1, 1000)};
  const DepthStudy fashion = study(images, depths, quick ? 20 : 40, request);
  const DepthStudy spiral = study(points, depths, quick ? 60 : 150, request);
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
      {at_most(1e-14, "chain rule of x2 = f2(f1(x0)): largest error", chain_rule_error(Skip::kNone)),
       at_most(1e-14, "chain rule of x2 = x1 + f2(x1), x1 = x0 + f1(x0): largest error",
               chain_rule_error(Skip::kIdentity)),
       at_most(0.05, "slope of the ResNet's error over N, distance from -1", std::abs(euler.slope + 1))});
  return outcome;
}

}  // namespace costate::experiments

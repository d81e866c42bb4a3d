// Statistics of a trained ODE-Net (Chen et al. 2018, Fig. 3): numerical error against evaluations of the field, time
// against evaluations, evaluations backward against forward, and evaluations over training.
#include <algorithm>
#include <cmath>

#include "experiments/distance.h"
#include "experiments/images.h"
#include "experiments/line.h"

namespace costate::experiments {
namespace {

struct StatisticsEffort {
  ImageCounts images;
  std::int64_t channels;
  ImageTraining training;
  std::int64_t judged;  // images that a number is measured on
};

StatisticsEffort statistics_effort(const Request& request) {
  if (request.quick)
    return {.images = {.train = 500, .test = 250},
            .channels = 8,
            .training = {.epochs = 3, .batch = 16, .rate = 0.05},
            .judged = 16};
  return {.images = {.train = 20'000, .test = 10'000}, .channels = 64, .training = {}, .judged = 128};
}

/// A trained ODE-Net, and others of the same weights that are solved otherwise.
class OdeNets {
 public:
  OdeNets(const Images& images, const ImageClassifierOptions& options)
      : images_(&images), options_(options), trained_(make_net(images, options)) {}

  const ImageClassifier& trained() const { return trained_; }
  ImageClassifier solved(const SolveOptions& solve) const {
    ImageClassifierOptions options = options_;
    options.solve = solve;
    ImageClassifier net = make_net(*images_, options);
    set_values_by_name(net.parameters(), values_by_name(trained_.parameters()), "the trained net");
    return net;
  }

 private:
  const Images* images_;
  ImageClassifierOptions options_;
  ImageClassifier trained_;
};

SolveOptions by_tolerance(double tolerance, Adjoint adjoint = Adjoint::kDiscrete) {
  return {.rtol = tolerance, .atol = tolerance, .adjoint = adjoint};
}

/// What a solve at a tolerance does; evaluations are a sample's mean.
struct ToleranceRow {
  double tolerance;
  double error = 0;  // of the logits, relative
  double nfe = 0;
  double seconds = 0;  // of a batch
};

/// One epoch of training.
struct EpochRow {
  double epoch, nfe, test_error;
};

/// Evaluations of a gradient at a tolerance, a sample's mean.
struct GradientRow {
  double tolerance, forward, discrete, backsolve;
};

struct Study {
  Activation activation;
  std::vector<EpochRow> epochs = {};
  std::vector<ToleranceRow> tolerances = {};
  std::vector<GradientRow> gradients = {};
  double slope = 0;  // of log error over log NFE
};

Program logits_of(const ImageClassifier& net, const Images& images, Dtype dtype) {
  return compile(
      trace([&](Array image) { return net(image); }, {{"image", images.set.test.inputs.shape().without_first()}}),
      {.dtype = dtype});
}

double mean_nfe(const RunResult& result, std::int64_t samples) {
  return static_cast<double>(result.report.nfe_forward) / static_cast<double>(samples);
}

/// Trains the net, and counts the evaluations that test images take at 1e-5 after each epoch, the first row before any.
std::vector<EpochRow> train_and_count(const OdeNets& nets, const Images& images, const StatisticsEffort& effort,
                                      const Request& request) {
  const HostArray judged = images.set.test.inputs.slice(0, effort.judged);
  const ImageClassifier tight = nets.solved(by_tolerance(1e-5));
  const Program program = logits_of(tight, images, Dtype::kF32);
  const auto count = [&] {
    set_values_by_name(tight.parameters(), values_by_name(nets.trained().parameters()), "the trained net");
    return mean_nfe(program.run({judged}), effort.judged);
  };
  std::vector<EpochRow> rows = {{.epoch = 0, .nfe = count(), .test_error = std::nan("")}};
  const auto watch = [&](const HistoryRow& row) {
    rows.push_back({.epoch = row.epoch + 1, .nfe = count(), .test_error = 100 * row.validation_loss});
    request.tell(name(nets.trained().options().activation), ", epoch ", row.epoch + 1, ": test error ",
                 text::number(rows.back().test_error), " %, NFE at 1e-5 ", text::number(rows.back().nfe), " after ",
                 text::number(row.seconds, 3), " s");
  };
  ImageTraining training = effort.training;
  training.seed = request.seed;
  training.on_epoch = watch;
  train_net(nets.trained(), images, training);
  return rows;
}

/// Down to the tolerance at which the smooth field's steps are small enough for its error to show the method's order;
/// relu, whose kinks take three times the evaluations a decade, ends earlier.
std::vector<ToleranceRow> study_tolerances(const OdeNets& nets, const Images& images, const StatisticsEffort& effort) {
  const double tightest = nets.trained().options().activation == Activation::kRelu ? 1e-8 : 1e-11;
  const HostArray judged = images.set.test.inputs.slice(0, effort.judged);
  const SolveOptions tight{.method = Method::kDopri8, .rtol = 1e-13, .atol = 1e-13};
  const std::vector<double> truth =
      logits_of(nets.solved(tight), images, Dtype::kF64).run({judged}).outputs[0].numbers();
  std::vector<ToleranceRow> rows;
  for (double tolerance = 1e-1; tolerance > tightest / 2; tolerance /= 10) {
    const Program program = logits_of(nets.solved(by_tolerance(tolerance)), images, Dtype::kF64);
    const RunResult result = program.run({judged});
    ToleranceRow row{.tolerance = tolerance,
                     .error = relative_distance(result.outputs[0].numbers(), truth),
                     .nfe = mean_nfe(result, effort.judged)};
    row.seconds = fastest_call([&] { program.run({judged}); });
    rows.push_back(row);
  }
  return rows;
}

/// Over the four tightest tolerances.
double slope_of(const std::vector<ToleranceRow>& rows) {
  std::vector<double> x, y;
  for (std::size_t i = rows.size() - 4; i < rows.size(); ++i) {
    x.push_back(std::log(rows[i].nfe));
    y.push_back(std::log(rows[i].error));
  }
  return line_through(x, y).slope;
}

std::vector<GradientRow> study_gradients(const OdeNets& nets, const Images& images, const StatisticsEffort& effort) {
  const LabelledInputs judged = images.set.test.slice(0, effort.judged);
  std::vector<GradientRow> rows;
  for (double tolerance = 1e-2; tolerance > 0.5e-6; tolerance /= 10) {
    const auto report_of = [&](Adjoint adjoint) {
      const ImageClassifier net = nets.solved(by_tolerance(tolerance, adjoint));
      return compile(gradient_of(net)).run(images_and_classes(judged)).report;
    };
    const RunReport discrete = report_of(Adjoint::kDiscrete), backsolve = report_of(Adjoint::kBacksolve);
    const auto samples = static_cast<double>(effort.judged);
    rows.push_back({.tolerance = tolerance,
                    .forward = static_cast<double>(backsolve.nfe_forward) / samples,
                    .discrete = static_cast<double>(discrete.nfe_backward) / samples,
                    .backsolve = static_cast<double>(backsolve.nfe_backward) / samples});
  }
  return rows;
}

Study study(Activation activation, const Images& images, const StatisticsEffort& effort, const Request& request) {
  const OdeNets nets(images, {.channels = effort.channels, .activation = activation, .seed = request.seed});
  Study found{.activation = activation};
  found.epochs = train_and_count(nets, images, effort, request);
  request.tell(name(activation), ": errors, times and gradients against tolerances");
  found.tolerances = study_tolerances(nets, images, effort);
  found.gradients = study_gradients(nets, images, effort);
  found.slope = slope_of(found.tolerances);
  return found;
}

// ---- pictures

Curve style_of(const Study& found) {
  const bool is_relu = found.activation == Activation::kRelu;
  return {.name = name(found.activation), .color = is_relu ? 1 : 0};
}

Figure error_figure(const std::vector<Study>& all) {
  Figure figure{.title = "numerical error",
                .x_label = "NFE forward",
                .y_label = "relative error of the logits",
                .x_scale = Scale::kLog,
                .y_scale = Scale::kLog};
  for (const Study& found : all)
    figure.curves.push_back(style_of(found).through(found.tolerances, &ToleranceRow::nfe, &ToleranceRow::error));
  const std::vector<ToleranceRow>& smooth = all.front().tolerances;
  const ToleranceRow& end = smooth.back();
  figure.curves.push_back(Curve{.name = "order 5", .mark = Mark::kDashed, .color = 6}.through(
      smooth, &ToleranceRow::nfe,
      [&](const ToleranceRow& row) { return end.error * std::pow(row.nfe / end.nfe, -5); }));
  return figure;
}

Figure time_figure(const std::vector<Study>& all) {
  Figure figure{.title = "time", .x_label = "NFE forward", .y_label = "time of a batch (ms)"};
  for (const Study& found : all)
    figure.curves.push_back(style_of(found).through(found.tolerances, &ToleranceRow::nfe,
                                                    [](const ToleranceRow& row) { return 1e3 * row.seconds; }));
  return figure;
}

Figure backward_figure(const std::vector<Study>& all) {
  Figure figure{.title = "the way back", .x_label = "NFE forward", .y_label = "NFE backward"};
  for (const Study& found : all) {
    Curve style = style_of(found);
    const std::string activation = style.name;
    style.name = activation + ", backsolve";
    figure.curves.push_back(style.through(found.gradients, &GradientRow::forward, &GradientRow::backsolve));
    style.name = activation + ", discrete";
    style.mark = Mark::kDashed;
    figure.curves.push_back(style.through(found.gradients, &GradientRow::forward, &GradientRow::discrete));
  }
  figure.curves.push_back(Curve{.name = "half, as published", .color = 6}.through(
      all.front().gradients, &GradientRow::forward, [](const GradientRow& row) { return row.forward / 2; }));
  return figure;
}

Figure epoch_figure(const std::vector<Study>& all) {
  Figure figure{.title = "training", .x_label = "epoch", .y_label = "NFE forward at 1e-5"};
  for (const Study& found : all)
    figure.curves.push_back(style_of(found).through(found.epochs, &EpochRow::epoch, &EpochRow::nfe));
  return figure;
}

// ---- numbers

std::vector<Block> tables_of(const Study& found, const StatisticsEffort& effort) {
  const std::string activation = name(found.activation);
  Table tolerances{.header = {"tolerance", "relative error of the logits", "NFE forward", "time (ms)"},
                   .caption = text::concat(activation, ": dopri5 in f64 on ", effort.judged,
                                           " test images, against dopri8 at 1e-13.")};
  for (const ToleranceRow& row : found.tolerances) tolerances.add(row.tolerance, row.error, row.nfe, 1e3 * row.seconds);
  Table gradients{.header = {"tolerance", "NFE forward", "NFE backward, backsolve", "NFE backward, discrete"},
                  .caption = activation + ": evaluations of a gradient, an image's mean."};
  for (const GradientRow& row : found.gradients) gradients.add(row.tolerance, row.forward, row.backsolve, row.discrete);
  Table epochs{.header = {"epoch", "NFE forward at 1e-5", "test error (%)"}, .caption = activation + ": training."};
  for (const EpochRow& row : found.epochs) epochs.add(row.epoch, row.nfe, row.test_error);
  return {tolerances, gradients, epochs};
}

double time_r2(const Study& found) {
  std::vector<double> nfe, seconds;
  for (const ToleranceRow& row : found.tolerances) {
    nfe.push_back(row.nfe);
    seconds.push_back(row.seconds);
  }
  return line_through(nfe, seconds).r2;
}

std::vector<Metric> metrics_of(const Study& found) {
  const std::string of = name(found.activation) + ": ";
  const GradientRow& usual = found.gradients[1];
  const ToleranceRow& tightest = found.tolerances.back();
  return {told(of + "slope of the error over NFE, both logarithmic", found.slope),
          at_most(1e-5, text::concat(of, "relative error of the logits at ", text::number(tightest.tolerance)),
                  tightest.error),
          told(of + "R² of time over NFE", time_r2(found), "linear"),
          told(of + "NFE backward over forward at 1e-3, backsolve", usual.backsolve / usual.forward, "about 1/2"),
          told(of + "NFE backward over forward at 1e-3, discrete", usual.discrete / usual.forward, "about 1/2"),
          told(of + "NFE at 1e-5 before training", found.epochs.front().nfe),
          told(of + "NFE at 1e-5 after the last epoch over that after the first",
               found.epochs.back().nfe / found.epochs[1].nfe, "grows")};
}

}  // namespace

Outcome odenet_statistics(const Request& request) {
  const StatisticsEffort effort = statistics_effort(request);
  const Images images = read_images(request, effort.images);
  const std::vector<Study> all = {study(Activation::kTanh, images, effort, request),
                                  study(Activation::kRelu, images, effort, request)};
  Outcome outcome{.title = "Statistics of a trained ODE-Net",
                  .figure = Sheet({error_figure(all), time_figure(all), backward_figure(all), epoch_figure(all)}, 2),
                  .caption =
                      "Figure 3 of Chen et al. 2018 from ODE-Nets of ours, one with tanh in its block and one with "
                      "relu. A tighter tolerance takes more evaluations of the field, in proportion more time, and "
                      "leaves less error."};
  // dopri5 has order 5; a few steps are too few for the slope to be exact.
  outcome.metrics = {at_most(0.75, "tanh: slope of the error over NFE, distance from -5", std::abs(all[0].slope + 5))};
  for (const Study& found : all) {
    const std::vector<Metric> metrics = metrics_of(found);
    outcome.metrics.insert(outcome.metrics.end(), metrics.begin(), metrics.end());
    outcome.sections.push_back({"Numbers: " + name(found.activation), tables_of(found, effort)});
  }
  return outcome;
}

}  // namespace costate::experiments

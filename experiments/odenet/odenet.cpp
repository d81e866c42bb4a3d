// Residual networks replaced by an ODE (Chen et al. 2018, section 3, Table 1): the same convolutional net with six
// residual blocks, with an ODE block by either adjoint, with nothing in their place, and a fully connected one.
#include <cmath>

#include "experiments/images.h"
#include "experiments/odenet/memory.h"

namespace costate::experiments {
namespace {

/// A row of Table 1: test error in % and parameters in millions, of MNIST.
struct PublishedRow {
  ClassifierKind kind;
  const char *name, *error, *parameters;
};
constexpr PublishedRow kPublished[] = {{ClassifierKind::kMlp, "MLP", "MNIST: 1.60", "0.24 M"},
                                       {ClassifierKind::kPlain, "net without its block", "", ""},
                                       {ClassifierKind::kResNet, "ResNet", "MNIST: 0.41", "0.60 M"},
                                       {ClassifierKind::kRkNet, "RK-Net", "MNIST: 0.47", "0.22 M"},
                                       {ClassifierKind::kOdeNet, "ODE-Net", "MNIST: 0.42", "0.22 M"}};

struct ClassifierEffort {
  ImageCounts images;
  std::int64_t channels;
  ImageTraining training;
  MemoryOptions memory;
};

ClassifierEffort classifier_effort(const Request& request) {
  if (request.quick)
    return {.images = {.train = 1000, .test = 500},
            .channels = 8,
            .training = {.epochs = 5, .batch = 16, .rate = 0.05, .seed = request.seed},
            .memory = {.channels = 8, .batch = 64, .most_steps = 64, .budget = 1 << 20}};
  return {.images = {.train = 60'000, .test = 10'000},
          .channels = 64,
          .training = {.epochs = 5, .seed = request.seed},
          .memory = {}};
}

/// A net of the table, trained.
struct Trained {
  PublishedRow published;
  std::int64_t parameters = 0;
  TrainResult training = {};
  double memory = 0;  // of a gradient of a batch, MiB
  std::int64_t samples = 0;

  double error() const { return 100 * training.history.back().validation_loss; }  // of the test, %
  double seconds_an_epoch() const { return training.seconds() / static_cast<double>(training.history.size()); }
  /// A sample's mean in the last epoch.
  double nfe_forward() const { return training.history.back().nfe_forward / static_cast<double>(samples); }
  double nfe_backward() const { return training.history.back().nfe_backward / static_cast<double>(samples); }
};

Trained learn(const PublishedRow& published, const Images& images, const ClassifierEffort& effort,
              const Request& request) {
  const ImageClassifier net =
      make_net(images, {.kind = published.kind, .channels = effort.channels, .seed = request.seed});
  Trained trained{.published = published,
                  .parameters = num_numbers(net.parameters()),
                  .memory = gradient_memory(net, images, 128),
                  .samples = images.set.train.count()};
  const auto tell = [&](const HistoryRow& row) {
    request.tell(published.name, ", epoch ", row.epoch + 1, ": training error ", text::number(100 * row.misclassified),
                 " %, test error ", text::number(100 * row.validation_loss), " % after ", text::number(row.seconds, 3),
                 " s");
  };
  ImageTraining training = effort.training;
  training.on_epoch = tell;
  trained.training = train_net(net, images, training);
  return trained;
}

const Trained& find(const std::vector<Trained>& all, ClassifierKind kind) {
  for (const Trained& trained : all)
    if (trained.published.kind == kind) return trained;
  throw InternalError("[reproduce] no such net was trained.");
}

Figure course_figure(const std::vector<Trained>& all, const std::string& title, double HistoryRow::*share) {
  Figure figure{.title = title, .x_label = "epoch", .y_label = "error (%)"};
  int color = 0;
  for (const Trained& trained : all)
    figure.curves.push_back(Curve{.name = trained.published.name, .color = color++}.through(
        trained.training.history, [](const HistoryRow& row) { return row.epoch + 1; },
        [=](const HistoryRow& row) { return 100 * row.*share; }));
  return figure;
}

Figure nfe_figure(const std::vector<Trained>& all) {
  Figure figure{.title = "evaluations of the block's field in training", .x_label = "epoch", .y_label = "NFE an image"};
  const auto add = [&](const Trained& trained, const std::string& name, int color, Mark mark, double HistoryRow::*nfe) {
    figure.curves.push_back(Curve{.name = trained.published.name + name, .mark = mark, .color = color}.through(
        trained.training.history, [](const HistoryRow& row) { return row.epoch + 1; },
        [=](const HistoryRow& row) { return row.*nfe / static_cast<double>(trained.samples); }));
  };
  for (const auto& [kind, color] : {std::pair(ClassifierKind::kRkNet, 3), std::pair(ClassifierKind::kOdeNet, 4)}) {
    add(find(all, kind), ", forward", color, Mark::kLine, &HistoryRow::nfe_forward);
    add(find(all, kind), ", backward", color, Mark::kDashed, &HistoryRow::nfe_backward);
  }
  return figure;
}

Table table_of(const std::vector<Trained>& all, const Images& images, const ClassifierEffort& effort) {
  Table table{
      .header = {"", "test error (%)", "training error (%)", "parameters", "memory of a gradient (MiB)",
                 "seconds an epoch", "NFE forward", "NFE backward", "error, published", "parameters, published"},
      .caption =
          text::concat(images.name, ": ", effort.images.train, " images to train on, ", effort.images.test,
                       " to test with, ", effort.training.epochs,
                       " epochs for each net. PublishedRow errors are those of MNIST, after 160 epochs. Memory is "
                       "that of a batch of 128 images.")};
  for (const Trained& trained : all)
    table.add(trained.published.name, trained.error(), 100 * trained.training.history.back().misclassified,
              trained.parameters, trained.memory, trained.seconds_an_epoch(), trained.nfe_forward(),
              trained.nfe_backward(), trained.published.error, trained.published.parameters);
  return table;
}

/// Errors have limits where these were set: the full version on Fashion-MNIST, and a looser one of the quick version.
std::vector<Metric> error_metrics(const std::vector<Trained>& all, const Images& images, const Request& request) {
  const auto error = [&](ClassifierKind kind) { return find(all, kind).error(); };
  const double mlp = error(ClassifierKind::kMlp), plain = error(ClassifierKind::kPlain),
               resnet = error(ClassifierKind::kResNet), rk_net = error(ClassifierKind::kRkNet),
               ode_net = error(ClassifierKind::kOdeNet);
  const std::string words = ": test error of the ", of = images.name + words;
  const double limit = request.quick ? 75 : 9;  // 90 is chance
  std::vector<Metric> metrics = {
      at_most(limit, of + "ResNet (%)", resnet, "MNIST: 0.41"),
      at_most(limit, of + "ODE-Net (%)", ode_net, "MNIST: 0.42"),
      told(of + "RK-Net (%)", rk_net, "MNIST: 0.47"),
      told(of + "MLP (%)", mlp, "MNIST: 1.60"),
      told(of + "net without its block (%)", plain),
      at_most(request.quick ? 20 : 0.5, of + "ODE-Net above the ResNet's (points)", ode_net - resnet, "MNIST: 0.01"),
      Metric{of + "MLP above the ODE-Net's (points)", mlp - ode_net, request.quick ? Bound::kNone : Bound::kAtLeast, 0,
             "MNIST: 1.18"},
      told(of + "net without its block above the ODE-Net's (points)", plain - ode_net)};
  if (!images.is_default)
    for (Metric& metric : metrics) metric.bound = Bound::kNone;
  return metrics;
}

std::vector<Metric> cost_metrics(const std::vector<Trained>& all) {
  std::vector<Metric> metrics;
  for (const Trained& trained : all) {
    const std::string name = trained.published.name;
    metrics.push_back(
        told(name + ": parameters", static_cast<double>(trained.parameters), trained.published.parameters));
    metrics.push_back(told(name + ": peak memory of a gradient of 128 images (MiB)", trained.memory));
    metrics.push_back(told(name + ": seconds an epoch", trained.seconds_an_epoch()));
    if (trained.nfe_forward() == 0) continue;
    metrics.push_back(told(name + ": NFE forward in the last epoch", trained.nfe_forward()));
    metrics.push_back(told(name + ": NFE backward in the last epoch", trained.nfe_backward()));
  }
  return metrics;
}

}  // namespace

Outcome odenet(const Request& request) {
  const ClassifierEffort effort = classifier_effort(request);
  const Images images = read_images(request, effort.images);
  request.tell("memory against steps");
  const std::vector<MemoryRow> memory = study_memory(images, effort.memory);
  std::vector<Trained> all;
  for (const PublishedRow& published : kPublished) all.push_back(learn(published, images, effort, request));
  Outcome outcome{
      .title = "ODE-Nets on images",
      .figure = Sheet({course_figure(all, "test error", &HistoryRow::validation_loss),
                       course_figure(all, "training error", &HistoryRow::misclassified), nfe_figure(all),
                       memory_figure(memory, effort.memory)},
                      2),
      .caption =
          "One net with six residual blocks, with an ODE block in their place (RK-Net: its steps are "
          "differentiated; ODE-Net: a reverse solve), and with nothing there. Memory of a gradient over the "
          "number of steps: flat by a reverse solve, linear by differentiating every step, and flat again "
          "where that may take a budget only.",
      .sections = {{"Numbers", {table_of(all, images, effort), memory_table(memory, effort.memory)}}},
      .metrics = error_metrics(all, images, request)};
  for (const std::vector<Metric>& more : {memory_metrics(memory), cost_metrics(all)})
    outcome.metrics.insert(outcome.metrics.end(), more.begin(), more.end());
  return outcome;
}

}  // namespace costate::experiments

// What a neural ODE cannot learn in the space of its data, and can with one dimension more (Dupont, Doucet and Teh
// 2019): x -> -x on a line, since solutions do not cross, and a disc within a ring, since a flow does not tear.
#include <algorithm>
#include <cmath>

#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

// ---- the model

struct OdeNetOptions {
  std::int64_t dimension = 1;  // of the data
  std::int64_t extra = 0;      // dimensions that start at 0
  std::int64_t width = 32;     // of both hidden layers of the field
  std::uint64_t seed = 0;
};

/// z' = f(z) over t = 0 … 1 from z = (x, 0), f a net of two hidden layers.
class OdeNet {
 public:
  explicit OdeNet(const OdeNetOptions& options)
      : options_(options),
        field_({.inputs = options.dimension + options.extra,
                .hidden = {options.width, options.width},
                .outputs = options.dimension + options.extra,
                .activation = Activation::kRelu,
                .seed = options.seed,
                .name = "field"}) {}

  /// States [time, dimension + extra] at t = 0, 1 / (count - 1), …, 1.
  Array path(const Array& x, std::int64_t count) const {
    const VectorField field =
        vector_field({options_.dimension + options_.extra}, [this](Array, Array z) { return field_(z); });
    const Array start = options_.extra == 0 ? x : concat({x, zeros({options_.extra})});
    return solve(field, start, constant(HostArray::linspace(0, 1, count)), {.rtol = kTolerance, .atol = kTolerance});
  }
  Array end(const Array& x) const { return path(x, 2)[1]; }

  const OdeNetOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return field_.parameters(); }

 private:
  static constexpr double kTolerance = 1e-3;  // the authors'

  OdeNetOptions options_;
  Mlp field_;
};

// ---- training, which is the same for both tasks

/// Inputs [sample, d] and targets [sample].
struct Samples {
  HostArray inputs, targets;
};

struct Task {
  Samples train, test;
  TrainOptions options;
};

/// What a training went through.
struct Course {
  std::vector<double> losses = {};       // of each epoch, Huber's
  std::vector<double> evaluations = {};  // of the field, a test sample's mean, after each epoch
  HostArray found = {};                  // [test sample], after the last

  double first() const { return evaluations.front(); }
  double last() const { return evaluations.back(); }
};

/// Trains `output`, from x [d] to a number, on Huber's loss, as the authors do.
Course learn(const Task& task, const std::function<Array(const Array&)>& output,
             const std::vector<Parameter>& parameters) {
  const Shape input = task.train.inputs.shape().without_first();
  const auto huber = [&](Array x, Array target) { return loss_sum(Loss::kHuber, output(x), target, ones({})); };
  const auto rows = [&](const Batch& batch) -> std::vector<HostArray> {
    return {take_rows(task.train.inputs, batch.samples), take_rows(task.train.targets, batch.samples)};
  };
  const Program program = compile(trace(output, {{"x", input}}));
  Course course;
  TrainOptions options = task.options;
  options.keep = Keep::kLast;
  options.on_epoch = [&](const HistoryRow& row) {
    course.losses.push_back(row.loss);
    const RunResult result = program.run({task.test.inputs});
    course.evaluations.push_back(static_cast<double>(result.report.nfe_forward) /
                                 static_cast<double>(task.test.targets.size()));
    course.found = result.outputs[0];
  };
  train({.parameters = parameters,
         .num_samples = static_cast<std::size_t>(task.train.targets.size()),
         .evaluate = mean_loss(trace(huber, {{"x", input}, {"target", {}}}), parameters, rows)},
        options);
  return course;
}

// ---- x -> -x

constexpr std::int64_t kShownPaths = 9, kPathPoints = 41;

/// A net on the line, and paths from evenly spaced starts.
struct Flip {
  OdeNet net;
  Course course = {};
  HostArray paths = {};  // [start, time, state]
};

Task flip_task(const Request& request) {
  Task task;
  task.train.inputs = HostArray(Shape{500, 1});
  const Random random(request.seed);
  for (std::int64_t i = 0; i < 500; ++i)
    task.train.inputs.set(i, random.uniform(0, static_cast<std::uint64_t>(i), -1, 1));
  task.test.inputs = HostArray::linspace(-1, 1, 201).reshape({201, 1});
  for (Samples* part : {&task.train, &task.test}) {
    part->targets = part->inputs.reshape({part->inputs.size()});
    for (double& target : part->targets.data<double>()) target = -target;
  }
  task.options = {.epochs = request.quick ? 40 : 100, .batch = 32, .seed = request.seed};
  return task;
}

Flip learn_flip(const Task& task, const OdeNetOptions& options) {
  Flip flip{.net = OdeNet(options)};
  flip.course = learn(
      task, [&](const Array& x) { return flip.net.end(x)[0]; }, flip.net.parameters());
  flip.paths = compile(trace([&](Array x) { return flip.net.path(x, kPathPoints); }, {{"x", {1}}}))
                   .run({HostArray::linspace(-1, 1, kShownPaths).reshape({kShownPaths, 1})})
                   .outputs[0];
  return flip;
}

/// The mean square difference from the targets, over that of their mean: of all maps that do not fall, the constant one
/// is closest to a falling line.
double error_over_best_monotone(const Course& course, const Task& task) {
  const std::vector<double> targets = task.test.targets.numbers();
  return std::pow(relative_error(course.found.numbers(), targets), 2);
}

Figure map_figure(const Task& task, const Flip& plain, const Flip& augmented) {
  const std::vector<double> x = task.test.inputs.numbers();
  const auto curve = [&](const std::string& name, const HostArray& y, Mark mark, int color) {
    return Curve{.name = name, .x = x, .y = y.numbers(), .mark = mark, .color = color};
  };
  return {
      .title = "x to -x on a line",
      .x_label = "x",
      .y_label = "what comes out",
      .curves = {curve("-x", task.test.targets, Mark::kDashed, 6), curve("plain", plain.course.found, Mark::kLine, 1),
                 curve("augmented", augmented.course.found, Mark::kLine, 0)}};
}

Figure path_figure(const Flip& plain, const Flip& augmented) {
  Figure figure{.title = "the way from x, first component", .x_label = "t", .y_label = "z"};
  const EvenAxis time{.first = 0, .spacing = 1.0 / (kPathPoints - 1)};
  for (std::int64_t start = 0; start < kShownPaths; ++start)
    for (const Flip* flip : {&plain, &augmented}) {
      const bool is_plain = flip == &plain;
      Curve style{.name = is_plain ? "plain" : "augmented", .color = is_plain ? 1 : 0};
      if (start > 0) style.name.clear();  // one legend for all
      figure.curves.push_back(style.over(time, flip->paths[start].column(0)));
    }
  return figure;
}

// ---- a disc within a ring

/// A net on the plane with a linear read-out, and where it takes test points.
struct Circles {
  OdeNet net;
  Linear read_out;
  Course course = {};
  HostArray ends = {};       // [test point, state]
  double misclassified = 0;  // % of the test points
};

Samples circles(const SampleRange& range) {
  const LabelledPoints made = concentric_circles(range);
  Samples samples{.inputs = made.points, .targets = HostArray(Shape{range.count})};
  for (std::int64_t i = 0; i < range.count; ++i) samples.targets.set(i, 2 * made.classes(i, 1) - 1);
  return samples;
}

Task circles_task(const Request& request) {
  return {.train = circles({.seed = 2 * request.seed, .count = request.quick ? 1500 : 3000}),
          .test = circles({.seed = 2 * request.seed + 1, .count = 1500}),
          .options = {.epochs = request.quick ? 12 : 30, .batch = 64, .seed = request.seed}};
}

Circles learn_circles(const Task& task, const OdeNetOptions& options) {
  Circles learned{.net = OdeNet(options),
                  .read_out = Linear(
                      {.inputs = 2 + options.extra, .outputs = 1, .source = {options.seed, 100}, .name = "read_out"})};
  learned.course = learn(
      task, [&](const Array& x) { return learned.read_out(learned.net.end(x))[0]; },
      join_parameters(learned.net, learned.read_out));
  learned.ends =
      compile(trace([&](Array x) { return learned.net.end(x); }, {{"x", {2}}})).run({task.test.inputs}).outputs[0];
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < task.test.targets.size(); ++i)
    wrong += learned.course.found.at(i) * task.test.targets.at(i) > 0 ? 0 : 1;
  learned.misclassified = 100 * static_cast<double>(wrong) / static_cast<double>(task.test.targets.size());
  return learned;
}

/// Where test points end, by class, in two of the state's components.
Figure end_figure(const std::string& title, const Task& task, const Circles& learned, const PointColumns& columns) {
  Curve disc{.name = "disc", .mark = Mark::kDots, .color = 0}, ring{.name = "ring", .mark = Mark::kDots, .color = 1};
  for (std::int64_t i = 0; i < task.test.targets.size(); ++i) {
    Curve& curve = task.test.targets.at(i) < 0 ? disc : ring;
    curve.x.push_back(learned.ends(i, columns.x));
    curve.y.push_back(learned.ends(i, columns.y));
  }
  return {.title = title,
          .x_label = text::concat("component ", columns.x + 1),
          .y_label = text::concat("component ", columns.y + 1),
          .curves = {disc, ring}};
}

// ---- what both show

struct Study {
  Task flip_task, circles_task;
  Flip plain_flip, augmented_flip;
  Circles plain_circles, augmented_circles;
};

Study run_study(const Request& request) {
  const Task flip = flip_task(request), rings = circles_task(request);
  const auto tell = [&](const std::string& what, const Course& course) {
    request.tell(what, ": loss ", text::number(course.losses.back()), " after ", course.losses.size(),
                 " epochs, evaluations ", text::number(course.first()), " to ", text::number(course.last()));
  };
  OdeNetOptions options{.dimension = 1, .extra = 0, .width = 16, .seed = request.seed};
  const Flip plain_flip = learn_flip(flip, options);
  tell("x to -x, plain", plain_flip.course);
  options.extra = 1;
  const Flip augmented_flip = learn_flip(flip, options);
  tell("x to -x, augmented", augmented_flip.course);
  options = {.dimension = 2, .extra = 0, .width = 32, .seed = request.seed};
  const Circles plain_circles = learn_circles(rings, options);
  tell("disc in a ring, plain", plain_circles.course);
  options.extra = 1;
  const Circles augmented_circles = learn_circles(rings, options);
  tell("disc in a ring, augmented", augmented_circles.course);
  return {flip, rings, plain_flip, augmented_flip, plain_circles, augmented_circles};
}

const Curve kPlainFlip{.name = "x to -x, plain", .mark = Mark::kDashed, .color = 1},
    kAugmentedFlip{.name = "x to -x, augmented", .mark = Mark::kDashed, .color = 0},
    kPlainCircles{.name = "disc in a ring, plain", .color = 1},
    kAugmentedCircles{.name = "disc in a ring, augmented", .color = 0};

/// All four trainings, in one quantity.
Figure course_figure(const Study& study, const std::string& title, std::vector<double> Course::*numbers) {
  const EvenAxis epochs{.first = 1};
  return {.title = title,
          .x_label = "epoch",
          .curves = {kPlainFlip.over(epochs, study.plain_flip.course.*numbers),
                     kAugmentedFlip.over(epochs, study.augmented_flip.course.*numbers),
                     kPlainCircles.over(epochs, study.plain_circles.course.*numbers),
                     kAugmentedCircles.over(epochs, study.augmented_circles.course.*numbers)}};
}

Table table_of(const Study& study) {
  Table table{.header = {"", "parameters", "epochs", "loss", "NFE after the first epoch", "NFE after the last"},
              .caption = "NFE: evaluations of the field for a test point, dopri5 at 1e-3; the loss is Huber's."};
  const auto add = [&](const std::string& name, const Course& course, const std::vector<Parameter>& parameters) {
    table.add(name, num_numbers(parameters), course.losses.size(), course.losses.back(), course.first(), course.last());
  };
  add(kPlainFlip.name, study.plain_flip.course, study.plain_flip.net.parameters());
  add(kAugmentedFlip.name, study.augmented_flip.course, study.augmented_flip.net.parameters());
  add(kPlainCircles.name, study.plain_circles.course, study.plain_circles.net.parameters());
  add(kAugmentedCircles.name, study.augmented_circles.course, study.augmented_circles.net.parameters());
  return table;
}

std::vector<Metric> metrics_of(const Study& study) {
  const Course &plain = study.plain_circles.course, &augmented = study.augmented_circles.course;
  const std::string nfe = "x to -x: NFE after the last epoch over that after the first, ",
                    ring = "disc in a ring: NFE after the last epoch over that after the first, ";
  return {
      at_least(0.9, "x to -x: error of the plain net over that of the best monotone map",
               error_over_best_monotone(study.plain_flip.course, study.flip_task), "1 (two points; the same floor)"),
      at_most(0.01, "x to -x: error of the augmented net over the variance",
              error_over_best_monotone(study.augmented_flip.course, study.flip_task)),
      told(nfe + "plain", study.plain_flip.course.last() / study.plain_flip.course.first(), "38 / 20"),
      told(nfe + "augmented", study.augmented_flip.course.last() / study.augmented_flip.course.first()),
      told("disc in a ring: test misclassification of the plain net (%)", study.plain_circles.misclassified),
      at_most(1, "disc in a ring: test misclassification of the augmented net (%)",
              study.augmented_circles.misclassified),
      told("disc in a ring: loss of the plain net over that of the augmented one",
           plain.losses.back() / augmented.losses.back(), "0.022 / 0.008"),
      told(ring + "plain", plain.last() / plain.first(), "26 / 20"),
      told(ring + "augmented", augmented.last() / augmented.first(), "20 / 20")};
}

}  // namespace

Outcome augmented(const Request& request) {
  const Study study = run_study(request);
  Figure losses = course_figure(study, "loss", &Course::losses);
  losses.y_scale = Scale::kLog;
  return {
      .title = "Augmented neural ODEs",
      .figure = Sheet(
          {map_figure(study.flip_task, study.plain_flip, study.augmented_flip),
           path_figure(study.plain_flip, study.augmented_flip), losses,
           course_figure(study, "evaluations of the field (NFE)", &Course::evaluations),
           end_figure("plain: where the plane's points end", study.circles_task, study.plain_circles, {.x = 0, .y = 1}),
           end_figure("augmented: the same, with the new dimension", study.circles_task, study.augmented_circles,
                      {.x = 0, .y = 2})},
          2),
      .caption =
          "Solutions of an ODE on a line do not cross, so a plain neural ODE keeps the order of its inputs and "
          "ends at their mean; with one dimension more they pass each other. A flow of the plane cannot take a disc "
          "out of a ring; in space it is lifted out.",
      .sections = {{"Numbers", {table_of(study)}}},
      .metrics = metrics_of(study)};
}

}  // namespace costate::experiments

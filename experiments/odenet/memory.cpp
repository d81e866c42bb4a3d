#include "experiments/odenet/memory.h"

#include <algorithm>
#include <cmath>

#include "experiments/line.h"

namespace costate::experiments {
namespace {

constexpr double kMiB = 1 << 20;

double in_mib(std::size_t bytes) { return static_cast<double>(bytes) / kMiB; }

}  // namespace

double gradient_memory(const ImageClassifier& net, const Images& images, std::int64_t batch) {
  const LabelledInputs some = images.set.train.slice(0, batch);
  const std::vector<HostArray> batch_of_images = images_and_classes(some);
  const Program program = compile(gradient_of(net), {.dtype = Dtype::kF32});
  return peak_memory([&] { program.run(batch_of_images); }) / kMiB;
}

std::vector<MemoryRow> study_memory(const Images& images, const MemoryOptions& options) {
  std::vector<MemoryRow> rows;
  for (int steps = 4; steps <= options.most_steps; steps *= 2) {
    const auto measure = [&](ClassifierKind kind, Adjoint adjoint) {
      const SolveOptions solve{
          .method = Method::kRk4, .steps_per_interval = steps, .adjoint = adjoint, .memory_budget = options.budget};
      return gradient_memory(make_net(images, {.kind = kind, .channels = options.channels, .solve = solve}), images,
                             options.batch);
    };
    rows.push_back({.steps = steps,
                    .unlimited = steps <= options.most_unlimited ? measure(ClassifierKind::kRkNet, Adjoint::kDiscrete)
                                                                 : std::nan(""),
                    .budgeted = measure(ClassifierKind::kOdeNet, Adjoint::kDiscrete),
                    .backsolve = measure(ClassifierKind::kOdeNet, Adjoint::kBacksolve)});
  }
  return rows;
}

Figure memory_figure(const std::vector<MemoryRow>& rows, const MemoryOptions& options) {
  const Curve unlimited{.name = "discrete, no limit", .color = 0},
      budgeted{.name = text::concat("discrete, ", text::number(in_mib(options.budget)), " MiB a thread"),
               .mark = Mark::kDashed,
               .color = 2},
      backsolve{.name = "backsolve", .color = 1};
  return {.title = "peak memory of a gradient",
          .x_label = "steps of rk4",
          .y_label = "MiB",
          .curves = {unlimited.through(rows, &MemoryRow::steps, &MemoryRow::unlimited),
                     budgeted.through(rows, &MemoryRow::steps, &MemoryRow::budgeted),
                     backsolve.through(rows, &MemoryRow::steps, &MemoryRow::backsolve)},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog};
}

Table memory_table(const std::vector<MemoryRow>& rows, const MemoryOptions& options) {
  Table table{
      .header = {"steps of rk4", "discrete, no limit", "discrete, budgeted", "backsolve"},
      .caption = text::concat("Peak memory of a gradient over ", options.batch, " images, in MiB, with ", num_threads(),
                              " threads and a budget of ", text::number(in_mib(options.budget)), " MiB for each.")};
  for (const MemoryRow& row : rows) table.add(row.steps, row.unlimited, row.budgeted, row.backsolve);
  return table;
}

std::vector<Metric> memory_metrics(const std::vector<MemoryRow>& rows) {
  std::vector<double> steps, unlimited, backsolve;
  for (const MemoryRow& row : rows) {
    backsolve.push_back(row.backsolve);
    if (std::isnan(row.unlimited)) continue;
    steps.push_back(row.steps);
    unlimited.push_back(row.unlimited);
  }
  const auto [least, most] = std::ranges::minmax(backsolve);
  const MemoryRow &before = rows[rows.size() - 2], &last = rows.back();
  return {
      at_most(1.3, "memory: backsolve, most over least of all numbers of steps", most / least),
      // Noise of a measurement: on a busy machine one thread may do the work of two, in the memory of one.
      at_least(0.95, "memory: discrete without a limit, R² of a straight line over the steps",
               line_through(steps, unlimited).r2),
      at_most(1.3, "memory: discrete with its budget, most steps over half of them", last.budgeted / before.budgeted),
      told("memory: discrete without a limit, MiB more for a step",
           (unlimited.back() - unlimited.front()) / (steps.back() - steps.front()))};
}

}  // namespace costate::experiments

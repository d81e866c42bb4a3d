#include "experiments/burgers-closure/closure.h"

#include <algorithm>
#include <cstddef>

namespace costate::experiments {
namespace {

constexpr std::int64_t kCells = 2 * FluxClosure::kReach;  // that a flux is told from
// What the net gives is of order 1; the fluxes that a coarse grid misses are a tenth of a difference between cells.
constexpr double kScale = 0.1;

Conv2dOptions layer(const ClosureOptions& options, std::uint64_t number) {
  static const char* kNames[] = {"stencil", "hidden", "coefficients"};
  return {.inputs = options.width,
          .outputs = options.width,
          .kernel = {1, 1},
          .init = Init::kGlorotUniform,
          .source = {options.seed, number},
          .name = kNames[number]};
}

Conv2dOptions stencil_layer(const ClosureOptions& options) {
  Conv2dOptions first = layer(options, 0);
  first.inputs = 1;
  first.kernel = {1, kCells};
  return first;
}

Conv2dOptions coefficient_layer(const ClosureOptions& options) {
  Conv2dOptions last = layer(options, 2);
  last.outputs = kCells - 1;
  return last;
}

VectorField closed_field(const BurgersProblem& problem, const FluxClosure& closure) {
  return vector_field({problem.cells}, [&](Array, Array u) { return closed_rate(problem, closure, u); });
}

/// Times first, first + 1, … of trajectories [sample, time, cells] as samples of their own, window after window.
HostArray windows_of(const HostArray& trajectories, std::int64_t window) {
  const std::int64_t samples = trajectories.shape()[0], times = trajectories.shape()[1],
                     cells = trajectories.shape()[2], each = (times - 1) / window;
  HostArray windows(Shape{samples * each, window + 1, cells}, Dtype::kF32);
  std::int64_t at = 0;
  for (std::int64_t sample = 0; sample < samples; ++sample)
    for (std::int64_t first = 0; first < each * window; first += window)
      for (std::int64_t i = 0; i < (window + 1) * cells; ++i)
        windows.set(at++, trajectories.at((sample * times + first) * cells + i));
  return windows;
}

/// Of one window [1 + window, cells].
Function window_loss(const BurgersProblem& problem, const FluxClosure& closure, std::int64_t window, double spacing) {
  return trace(
      [&](Array states) {
        const HostArray times = HostArray::evenly_spaced(0, spacing, window + 1);
        const Array found =
            solve(closed_field(problem, closure), states[0], constant(times), stable_steps(problem, spacing));
        const Array truth = states.slice(1, window + 1);
        const Array errors = sum(square(found.slice(1, window + 1) - truth), {1});
        return mean(errors / sum(square(truth), {1}));
      },
      {{"states", {window + 1, problem.cells}}});
}

}  // namespace

FluxClosure::FluxClosure(const ClosureOptions& options)
    : stencil_(stencil_layer(options)), hidden_(layer(options, 1)), coefficients_(coefficient_layer(options)) {}

Array FluxClosure::operator()(const Array& row) const {
  const std::int64_t cells = row.shape().size(), fluxes = cells - kCells + 1;
  const Array features = tanh(hidden_(tanh(stencil_(reshape(row, {1, 1, cells})))));
  const Array a = reshape(coefficients_(features), {kCells - 1, fluxes});
  const Array differences = row.slice(1, cells) - row.slice(0, cells - 1);
  Array flux = a[0] * differences.slice(0, fluxes);
  for (std::int64_t k = 1; k < kCells - 1; ++k) flux = flux + a[k] * differences.slice(k, k + fluxes);
  return kScale * flux;
}

std::vector<Parameter> FluxClosure::parameters() const { return join_parameters(stencil_, hidden_, coefficients_); }

Array closed_rate(const BurgersProblem& problem, const FluxClosure& closure, const Array& u) {
  const Array row = around_ring(u, FluxClosure::kReach);
  const std::int64_t cells = row.shape().size(), more = FluxClosure::kReach - 1;
  return rate_of(problem, central_flux(problem, row.slice(more, cells - more)) + closure(row));
}

HostArray solve_closed(const BurgersProblem& problem, const FluxClosure& closure, const HostArray& start,
                       const HostArray& times) {
  return solve_stably(problem, closed_field(problem, closure), start, times);
}

TrainResult train_closure(const BurgersProblem& problem, const FluxClosure& closure, const HostArray& trajectories,
                          double spacing, const ClosureTraining& options,
                          const std::function<void(const HistoryRow&)>& on_epoch) {
  const HostArray windows = windows_of(trajectories, options.window);
  const auto of_batch = [&](const Batch& batch) -> std::vector<HostArray> {
    return {take_rows(windows, batch.samples)};
  };
  const std::vector<Parameter> parameters = closure.parameters();
  const Function loss = window_loss(problem, closure, options.window, spacing);
  return train({.parameters = parameters,
                .num_samples = static_cast<std::size_t>(windows.shape()[0]),
                .evaluate = mean_loss(loss, parameters, of_batch, {.dtype = Dtype::kF32})},
               {.epochs = options.epochs,
                .batch = 64,
                .seed = options.seed,
                .optimizer = {.clip_norm = 1},
                .schedule = {.kind = ScheduleKind::kCosine, .base = options.rate},
                .on_epoch = on_epoch});
}

}  // namespace costate::experiments

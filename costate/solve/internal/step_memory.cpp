#include "costate/solve/internal/step_memory.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/exec/program.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/control/step_ends.h"
#include "costate/solve/internal/adams_step.h"
#include "costate/solve/internal/lane_record.h"
#include "costate/solve/internal/partitioned_step.h"
#include "costate/solve/internal/reversible_step.h"

namespace costate::internal {
namespace {

std::int64_t memory_size(const VectorField& field, Method method) {
  switch (tableau(method).family) {
    case MethodFamily::kPartitioned:
      return partitioned_memory(field, method);
    case MethodFamily::kReversible:
      return reversible_memory(field, method);
    case MethodFamily::kAdams:
      return adams_memory(field);
    default:
      return 0;
  }
}

StepFunction start_of_memory(const VectorField& field, Method method) {
  switch (tableau(method).family) {
    case MethodFamily::kPartitioned:
      return partitioned_start(field);
    case MethodFamily::kReversible:
      return reversible_start(field, method);
    default:
      return adams_start(field);
  }
}

VectorField field_with_memory(const VectorField& field, std::int64_t size) {
  GraphBuilder builder;
  const BuilderScope scope(builder);
  const std::vector<Input>& inputs = field.function().inputs();
  const std::size_t num_parts = field.parts().size();
  std::vector<Array> arrays;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    arrays.push_back(builder.input_like(inputs[i]));
    if (i == num_parts) builder.input("memory", InputKind::kSample, Shape{size});
  }
  std::vector<Array> slopes = inline_function(field.function(), arrays);
  slopes.push_back(zeros({size}));
  std::vector<StatePart> parts = field.parts();
  parts.push_back({"memory", Shape{size}});
  return VectorField(builder.finish(slopes), std::move(parts), field.arguments(), field.captured());
}

/// The first step of a solve at these times that moves t; 1 if none does.
double first_step_size(std::span<const double> times, const SolveOptions& options) {
  for (std::size_t i = 1; i < times.size(); ++i) {
    const double length = times[i] - times[0];
    if (length != 0) return length / steps_in_interval(length, options);
  }
  return 1;
}

/// The same inside a trace. Times do not turn back, so that the first that is another is the nearest.
Array first_step_size(const Array& times, const SolveOptions& options) {
  const std::int64_t count = times.shape()[0];
  if (count == 1) return constant(1.0);
  constexpr double kFar = 1e30;
  const Array away = times.slice(1, count) - times[0], distance = abs(away);
  const Array nearest = reduce_min(where(equal(distance, 0.0), kFar, distance), {0});
  const Array last = away[count - 2], length = where(last < 0.0, -nearest, nearest);
  Array steps = constant(static_cast<double>(std::max(options.steps_per_interval, 1)));
  if (options.step_size > 0) {
    const Array exact = nearest * ((1 - kLengthRounding) / options.step_size);
    steps = stop_gradient(max(-floor(-exact), 1.0));
  }
  return where(equal(last, 0.0), 1.0, length / steps);
}

}  // namespace

std::optional<FieldWithMemory> with_memory(const VectorField& field, Method method) {
  const std::int64_t size = memory_size(field, method);
  if (size == 0) return std::nullopt;
  return FieldWithMemory{.field = field_with_memory(field, size), .start = start_of_memory(field, method)};
}

HostArray start_with_memory(const FieldWithMemory& lifted, const HostArray& z0, const HostArray& times,
                            const SolveOptions& options, std::span<const HostArray> arguments) {
  if (z0.shape()[0] == 0) return HostArray(Shape{0, lifted.field.state_size()}, z0.dtype());
  const std::int64_t batch = z0.shape()[0], size = lifted.field.offset_of("memory"), count = times.shape()[-1];
  const std::vector<double> all = times.numbers();
  const bool is_shared = times.shape().rank() == 1;
  std::vector<HostArray> inputs(lifted.start.nodes.size() + 1, HostArray(Shape{batch}));
  for (std::int64_t b = 0; b < batch; ++b) {
    const auto first = static_cast<std::size_t>(is_shared ? 0 : b * count);
    const double h = first_step_size(std::span(all).subspan(first, static_cast<std::size_t>(count)), options);
    for (std::size_t i = 0; i < lifted.start.nodes.size(); ++i)
      inputs[i].set(b, std::fma(lifted.start.nodes[i], h, all[first]));
    inputs.back().set(b, h);
  }
  inputs.push_back(z0.astype(Dtype::kF64).reshape({batch, size}));
  for (const HostArray& argument : arguments) inputs.push_back(argument.astype(Dtype::kF64));
  const std::vector<double> state = inputs[lifted.start.first_state_input()].numbers();
  const std::vector<double> memory = compile(lifted.start.function).run(inputs).outputs[0].numbers();
  const std::size_t length = static_cast<std::size_t>(size), more = memory.size() / static_cast<std::size_t>(batch);
  std::vector<double> together;
  for (std::size_t b = 0; b < static_cast<std::size_t>(batch); ++b) {
    const auto copy = [&](const std::vector<double>& from, std::size_t width) {
      together.insert(together.end(), from.begin() + static_cast<std::ptrdiff_t>(b * width),
                      from.begin() + static_cast<std::ptrdiff_t>((b + 1) * width));
    };
    copy(state, length);
    copy(memory, more);
  }
  return HostArray(Shape{batch, lifted.field.state_size()}, std::move(together)).astype(z0.dtype());
}

Array start_with_memory(const FieldWithMemory& lifted, const Array& z0, const Array& times, const SolveOptions& options,
                        std::span<const Array> inputs) {
  const Array h = first_step_size(times, options);
  std::vector<Array> all;
  for (const double node : lifted.start.nodes) all.push_back(node == 0 ? times[0] : times[0] + node * h);
  all.push_back(h);
  all.push_back(z0);
  all.insert(all.end(), inputs.begin(), inputs.end());
  return concat({z0, inline_function(lifted.start.function, all)[0]});
}

HostArray states_without_memory(const HostArray& states, const Shape& state) {
  std::vector<std::int64_t> axes = {states.shape()[0], states.shape()[1]};
  axes.insert(axes.end(), state.axes().begin(), state.axes().end());
  HostArray kept(Shape(axes), states.dtype());
  const std::int64_t width = states.shape()[2], size = state.size();
  for (std::int64_t i = 0; i < kept.size(); ++i) kept.set(i, states.at(i / size * width + i % size));
  return kept;
}

Array states_without_memory(const Array& states, std::int64_t size) {
  const std::int64_t count = states.shape()[0], width = states.shape()[1];
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < count * size; ++i) positions.push_back(i / size * width + i % size);
  return gather(states, std::move(positions), Shape{count, size});
}

}  // namespace costate::internal

#include "costate/exec/internal/batch_function.h"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "costate/base/error.h"
#include "costate/exec/internal/image_lanes.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/graph/interpret.h"
#include "costate/graph/mark.h"
#include "costate/graph/simplify.h"

namespace costate::internal {
namespace {

// All threads' tiles keep what their reverse sweeps will read in the shared last-level cache. Where a tile would keep
// more than this, it takes half the samples.
constexpr std::size_t kMostKeptBytes = std::size_t{8} << 20;

template <class T>
std::size_t choose_lanes(std::size_t batch) {
  const std::size_t width = simd_lanes<T>();
  if (batch <= kMostAlone || width == 1) return 1;
  if (batch <= 2 * width) return rounded_lanes<T>(batch);
  // Two tiles of two vectors keep two cores busy where one of four would leave one idle, at no cost to a core. Tiles of
  // one size leave the last one no emptier than the others; four vectors do more a second than some more than three.
  const std::size_t tiles = std::max<std::size_t>(2, (batch + 4 * width - 1) / (4 * width));
  const std::size_t even = rounded_lanes<T>((batch + tiles - 1) / tiles);
  return even <= 3 * width || tiles == 2 ? even : 4 * width;
}

}  // namespace

BatchFunction::BatchFunction(const Function& function, const CompileOptions& options, const LateParts& late)
    : function_(drop_marks(function)),
      split_(split_shared_tail(simplify(function_))),
      largest_image_(largest_image(function)),
      options_(options),
      late_(late) {
  // The late outputs of what tiles run are those that the tail takes: as many sums as it needs, and not one an output.
  if (split_ && late.num_outputs > 0)
    late_.num_outputs = split_->samples.outputs().size() - (function.outputs().size() - late.num_outputs);
}

template <class T>
std::shared_ptr<const BatchRunner<T>> BatchFunction::runner(std::size_t batch) const {
  const std::size_t lanes =
      options_.lanes > 0 ? options_.lanes : lanes_for_images<T>(batch, choose_lanes<T>(batch), largest_image_);
  const std::lock_guard lock(mutex_);
  auto& runners = [&]() -> auto& {
    if constexpr (std::is_same_v<T, float>)
      return f32_;
    else
      return f64_;
  }
  ();
  auto& found = runners[lanes];
  if (found) return found;
  const auto make = [&](std::size_t count) {
    return std::make_shared<const BatchRunner<T>>(split_ ? split_->samples : function_, count, late_);
  };
  found = make(lanes);
  const std::size_t half = 2 * simd_lanes<T>();
  if (options_.lanes == 0 && lanes > half && found->kept_bytes() > kMostKeptBytes) found = make(half);
  return found;
}

template std::shared_ptr<const BatchRunner<float>> BatchFunction::runner(std::size_t) const;
template std::shared_ptr<const BatchRunner<double>> BatchFunction::runner(std::size_t) const;

std::span<const std::size_t> BatchFunction::finish_inputs() const {
  return split_ ? std::span<const std::size_t>(split_->shared_inputs) : std::span<const std::size_t>();
}

void BatchFunction::finish(std::span<const HostArray* const> inputs, std::size_t first_output,
                           RunResult& result) const {
  if (split_) result.outputs = join_outputs(*split_, inputs, first_output, options_.dtype, std::move(result.outputs));
}

RunResult BatchFunction::run(std::span<const HostArray* const> inputs, std::size_t batch) const {
  RunResult result =
      dtype() == Dtype::kF32 ? runner<float>(batch)->run(inputs, batch) : runner<double>(batch)->run(inputs, batch);
  std::vector<const HostArray*> shared;
  for (const std::size_t position : finish_inputs()) shared.push_back(inputs[position]);
  finish(shared, 0, result);
  return result;
}

/// What was run has the kept outputs, then sums, of which the tail makes the others.
std::vector<HostArray> join_outputs(const SharedTail& parts, std::span<const HostArray* const> shared_inputs,
                                    std::size_t first_output, Dtype dtype, std::vector<HostArray> outputs) {
  std::vector<HostArray> given, joined(parts.kept.size() + parts.made.size() - first_output);
  for (const HostArray* input : shared_inputs) given.push_back(*input);
  const std::size_t num_kept = parts.kept.size() - first_output;
  for (std::size_t i = 0; i < num_kept; ++i)
    joined[parts.kept[first_output + i] - first_output] = std::move(outputs[i]);
  for (std::size_t i = num_kept; i < outputs.size(); ++i) given.push_back(std::move(outputs[i]));
  std::vector<HostArray> made = interpret(parts.tail, given);
  for (std::size_t i = 0; i < made.size(); ++i) joined[parts.made[i] - first_output] = made[i].astype(dtype);
  return joined;
}

std::vector<const HostArray*> all_inputs(const Function& function, std::span<const HostArray> given,
                                         const char* where) {
  std::vector<const HostArray*> all;
  std::size_t count = 0;
  for (const Input& input : function.inputs()) {
    if (input.parameter) {
      all.push_back(&input.parameter->value());
    } else {
      if (count < given.size()) all.push_back(&given[count]);
      ++count;
    }
  }
  if (count != given.size())
    throw InvalidArgument("[", where, "] the function takes ", count, " inputs besides its parameters; got ",
                          given.size(), ".");
  return all;
}

std::size_t check_inputs(const Function& function, std::span<const HostArray* const> inputs, const char* where) {
  std::int64_t batch = -1;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = function.inputs()[i];
    const Shape& shape = inputs[i]->shape();
    const bool is_sample = input.kind == InputKind::kSample;
    const std::int64_t rows = is_sample && shape.rank() > 0 ? shape[0] : -1;
    if (!((rows < 0 ? shape : shape.without_first()) == input.shape) || (is_sample && rows < 0))
      throw ShapeError("[", where, "] input '", input.name, "' must have shape ", is_sample ? "[batch] + " : "",
                       input.shape, is_sample ? "; got " : ", one for all samples; got ", inputs[i]->shape(), ".");
    if (!is_sample) continue;
    if (batch >= 0 && rows != batch)
      throw ShapeError("[", where, "] all inputs must have the same batch length; input '", input.name, "' has ", rows,
                       ", others have ", batch, ".");
    batch = rows;
  }
  return batch < 0 ? 1 : static_cast<std::size_t>(batch);
}

}  // namespace costate::internal

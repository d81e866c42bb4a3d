// compile and Program: checks arguments, and lowers the function once for each number of lanes that its batches ask
// for. BatchRunner does the work.
#include "costate/exec/program.h"

#include <map>
#include <mutex>
#include <optional>

#include "costate/base/error.h"
#include "costate/exec/internal/batch_runner.h"
#include "costate/exec/internal/image_lanes.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/graph/interpret.h"
#include "costate/graph/simplify.h"
#include "costate/plan/shared_tail.h"

namespace costate {
namespace internal {
namespace {

// All threads' tiles keep what their reverse sweeps will read in the shared last-level cache. Where a tile would keep
// more than this, it takes half the samples.
constexpr std::size_t kMostKeptBytes = std::size_t{8} << 20;

/// Batches of one and two run sample by sample, with features in the vectors; larger ones with samples in lanes.
template <class T>
std::size_t choose_lanes(std::size_t batch) {
  const std::size_t width = simd_lanes<T>();
  if (batch <= 2 || width == 1) return 1;
  if (batch <= 2 * width) return rounded_lanes<T>(batch);
  // Two tiles of two vectors keep two cores busy where one of four would leave one idle, at no cost to a core. Tiles of
  // one size leave the last one no emptier than the others; four vectors do more a second than some more than three.
  const std::size_t tiles = std::max<std::size_t>(2, (batch + 4 * width - 1) / (4 * width));
  const std::size_t even = rounded_lanes<T>((batch + tiles - 1) / tiles);
  return even <= 3 * width || tiles == 2 ? even : 4 * width;
}

}  // namespace
}  // namespace internal

struct Program::Implementation {
  Function function;
  std::optional<internal::SharedTail> split;
  std::size_t largest_image = 0;
  CompileOptions options;
  mutable std::mutex mutex;
  // One lowering for each number of lanes: a batch of one and a full batch want different ones.
  mutable std::map<std::size_t, std::shared_ptr<const internal::BatchRunner<float>>> f32;
  mutable std::map<std::size_t, std::shared_ptr<const internal::BatchRunner<double>>> f64;

  template <class T>
  std::shared_ptr<const internal::BatchRunner<T>> runner(std::size_t batch) const {
    const std::size_t lanes = options.lanes > 0
                                  ? options.lanes
                                  : internal::lanes_for_images<T>(internal::choose_lanes<T>(batch), largest_image);
    const std::lock_guard lock(mutex);
    auto& runners = [&]() -> auto& {
      if constexpr (std::is_same_v<T, float>)
        return f32;
      else
        return f64;
    }
    ();
    auto& found = runners[lanes];
    if (found) return found;
    const auto make = [&](std::size_t count) {
      return std::make_shared<const internal::BatchRunner<T>>(split ? split->samples : function, count);
    };
    found = make(lanes);
    const std::size_t half = 2 * internal::simd_lanes<T>();
    if (options.lanes == 0 && lanes > half && found->kept_bytes() > internal::kMostKeptBytes) found = make(half);
    return found;
  }

  RunResult run_samples(std::span<const HostArray* const> inputs, std::size_t batch) const {
    return options.dtype == Dtype::kF32 ? runner<float>(batch)->run(inputs, batch)
                                        : runner<double>(batch)->run(inputs, batch);
  }
};

namespace {

/// Checks the arguments against the function and finds the batch size.
std::size_t check_inputs(const Function& function, std::span<const HostArray* const> inputs) {
  std::int64_t batch = -1;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = function.inputs()[i];
    const Shape& shape = inputs[i]->shape();
    const bool is_sample = input.kind == InputKind::kSample;
    const std::int64_t rows = is_sample && shape.rank() > 0 ? shape[0] : -1;
    if (!((rows < 0 ? shape : shape.without_first()) == input.shape) || (is_sample && rows < 0))
      throw ShapeError("[Program.run] input '", input.name, "' must have shape ", is_sample ? "[batch] + " : "",
                       input.shape, is_sample ? "; got " : ", one for all samples; got ", inputs[i]->shape(), ".");
    if (!is_sample) continue;
    if (batch >= 0 && rows != batch)
      throw ShapeError("[Program.run] all inputs must have the same batch length; input '", input.name, "' has ", rows,
                       ", others have ", batch, ".");
    batch = rows;
  }
  return batch < 0 ? 1 : static_cast<std::size_t>(batch);
}

/// Turns the outputs of split.samples into those of the whole function, by running the tail on the sums.
void apply_tail(const internal::SharedTail& split, std::span<const HostArray* const> inputs, Dtype dtype,
                RunResult& result) {
  std::vector<HostArray> given, outputs(split.kept.size() + split.made.size());
  for (const std::size_t position : split.shared_inputs) given.push_back(*inputs[position]);
  for (std::size_t i = 0; i < split.kept.size(); ++i) outputs[split.kept[i]] = std::move(result.outputs[i]);
  for (std::size_t i = split.kept.size(); i < result.outputs.size(); ++i) given.push_back(std::move(result.outputs[i]));
  std::vector<HostArray> made = interpret(split.tail, given);
  for (std::size_t i = 0; i < made.size(); ++i) outputs[split.made[i]] = made[i].astype(dtype);
  result.outputs = std::move(outputs);
}

}  // namespace

const Function& Program::function() const { return implementation_->function; }

RunResult Program::run(std::span<const HostArray> inputs) const {
  const Function& function = implementation_->function;
  std::vector<const HostArray*> all;
  std::size_t given = 0;
  for (const Input& input : function.inputs()) {
    if (input.parameter) {
      all.push_back(&input.parameter->value());
    } else {
      if (given < inputs.size()) all.push_back(&inputs[given]);
      ++given;
    }
  }
  if (given != inputs.size())
    throw InvalidArgument("[Program.run] the function takes ", given, " inputs besides its parameters; got ",
                          inputs.size(), ".");
  RunResult result = implementation_->run_samples(all, check_inputs(function, all));
  if (implementation_->split) apply_tail(*implementation_->split, all, implementation_->options.dtype, result);
  return result;
}

Program compile(const Function& function, const CompileOptions& options) {
  auto implementation = std::make_shared<Program::Implementation>();
  implementation->function = function;
  implementation->split = internal::split_shared_tail(simplify(function));
  implementation->largest_image = internal::largest_image(function);
  implementation->options = options;
  return Program(implementation);
}

}  // namespace costate

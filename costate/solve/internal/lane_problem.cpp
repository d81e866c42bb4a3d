#include "costate/solve/internal/lane_problem.h"

#include <algorithm>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/internal/guard_problem.h"

namespace costate::internal {
namespace {

/// The field's function, or with gradients that of linearize.
template <class T>
TileFunction<T> lower_field(const VectorField& field, std::size_t lanes,
                            const std::optional<WantedGradients>& gradients, TimeRows& time) {
  if (!gradients) return lower_reading_time<T>({field.function(), {}}, lanes, time);
  return lower_reading_time<T>(linearize(field, *gradients), lanes, time);
}

/// A solve that nobody differentiates but whose steps are to be fit for it evaluates the field's vjp, too.
std::optional<WantedGradients> gradients_of(const VectorField& field, const SolveOptions& options,
                                            const std::optional<WantedGradients>& wanted) {
  if (wanted || options.gradient_steps != GradientSteps::kOn) return wanted;
  const std::size_t num_arguments = field.function().inputs().size() - 1 - field.parts().size();
  return WantedGradients{.times = false, .arguments = std::vector<bool>(num_arguments, false)};
}

// Below, what a step costs hardly depends on the number of lanes.
constexpr std::int64_t kWorthHandingOver = 128;

/// Operations of one evaluation for one sample.
std::int64_t evaluation_work(const Function& function) {
  std::int64_t work = 0;
  for (const Node& node : function.nodes()) {
    std::int64_t depth = 1;
    if (node.op == Op::kMatmul) {
      const Shape& left = function.node(node.operands[0]).shape;
      depth = left[left.rank() - 1];
    }
    work += node.shape.size() * depth;
  }
  return work;
}

}  // namespace

template <class T>
LaneProblem<T>::LaneProblem(const VectorField& vector_field, const SolveOptions& solve_options, std::size_t num_lanes,
                            std::size_t times, const std::optional<WantedGradients>& wanted,
                            const EventField* all_events, const VectorField* bends_of)
    : field(vector_field),
      options(solve_options),
      tableau(&costate::tableau(solve_options.method)),
      lanes(num_lanes),
      num_times(times),
      state_size(static_cast<std::size_t>(vector_field.state_size())),
      part_offsets(internal::part_offsets(vector_field)),
      measure(error_measure(solve_options, part_offsets, state_size)),
      nonnegative(solve_options.nonnegative.begin(), solve_options.nonnegative.end()),
      gradients(gradients_of(vector_field, solve_options, wanted)),
      function(lower_field<T>(vector_field, num_lanes, tableau->steps_by_function() ? std::nullopt : gradients, time)),
      is_fixed(has_fixed_steps(solve_options)),
      reads_time(internal::reads_time(vector_field.function())),
      stops(bends_of == nullptr ? vector_field : *bends_of, solve_options,
            std::is_same_v<T, float> ? Dtype::kF32 : Dtype::kF64, time.rounds_time, num_lanes) {
  if (tableau->steps_by_function())
    function_step = std::make_unique<const FunctionStepProblem<T>>(field, options, lanes);
  if (gradients && !function_step) {
    num_late_inputs = part_offsets.size();
    num_late_outputs =
        (gradients->times ? 1 : 0) + part_offsets.size() +
        static_cast<std::size_t>(std::count(gradients->arguments.begin(), gradients->arguments.end(), true));
  }
  frame = FrameLayout(state_size * lanes, time.count * lanes, lanes, function.saved_size(),
                      is_fixed ? closing() : static_cast<std::size_t>(tableau->num_all_stages()), closing(),
                      gradients.has_value() && !function_step);
  const bool is_guarded = options.gradient_steps == GradientSteps::kOn ||
                          (options.gradient_steps == GradientSteps::kAuto && options.adjoint == Adjoint::kDiscrete);
  const bool can_guard = !function_step || !has_kinks(field);
  if (gradients && !is_fixed && is_guarded && can_guard) guard = std::make_unique<const GuardProblem<T>>(*this);
  if (all_events != nullptr) events = std::make_unique<const EventProblem<T>>(*all_events, lanes, wanted);
  const std::size_t width = simd_lanes<T>();
  const std::size_t half = (lanes + 2 * width - 1) / (2 * width) * width;  // whole vectors
  if (!is_fixed && !events && options.control == Control::kPerSample && options.adjoint == Adjoint::kDiscrete &&
      half < lanes && width > 1 &&
      evaluation_work(function_step ? function_step->step.function : field.function()) >= kWorthHandingOver) {
    SolveOptions shared_budget = options;
    options.memory_budget = options.memory_budget * lanes / (lanes + half);
    shared_budget.memory_budget -= options.memory_budget;
    narrow = std::make_unique<const LaneProblem>(field, shared_budget, half, num_times, gradients);
  }
}

template <class T>
LaneProblem<T>::~LaneProblem() = default;

template struct LaneProblem<float>;
template struct LaneProblem<double>;

template <class T>
std::size_t most_frames(const LaneProblem<T>& problem, std::size_t memory_parts) {
  if (!problem.frame.keeps_all) return 1;
  const std::size_t bytes = problem.options.memory_budget / memory_parts / 4;
  return std::max<std::size_t>(1, bytes / sizeof(T) / problem.frame.size());
}

template std::size_t most_frames(const LaneProblem<float>&, std::size_t);
template std::size_t most_frames(const LaneProblem<double>&, std::size_t);

template <class T>
void bind_field_inputs(const LaneProblem<T>& problem, const T* times, const T* y, std::span<const T* const> arguments,
                       std::vector<const T*>& pointers) {
  pointers.clear();
  for (const std::size_t offset : problem.time.offsets)
    pointers.push_back(times == nullptr ? nullptr : times + offset * problem.lanes);
  for (const std::size_t offset : problem.part_offsets) pointers.push_back(y + offset * problem.lanes);
  pointers.insert(pointers.end(), arguments.begin(), arguments.end());
  pointers.resize(pointers.size() + problem.num_late_inputs, nullptr);
}

template void bind_field_inputs(const LaneProblem<float>&, const float*, const float*, std::span<const float* const>,
                                std::vector<const float*>&);
template void bind_field_inputs(const LaneProblem<double>&, const double*, const double*,
                                std::span<const double* const>, std::vector<const double*>&);

template <class T>
void prepare_field(const LaneProblem<T>& problem, std::span<const T* const> arguments, AlignedVector<T>& shared) {
  std::vector<const T*> pointers;
  bind_field_inputs<T>(problem, nullptr, nullptr, arguments, pointers);
  shared.resize(problem.function_step ? problem.step_shared() + problem.function_step->shared_size()
                                      : problem.function.shared_size());
  problem.function.prepare(pointers, shared.data());
  if (problem.function_step) problem.function_step->prepare(arguments, shared.data() + problem.step_shared());
}

template void prepare_field(const LaneProblem<float>&, std::span<const float* const>, AlignedVector<float>&);
template void prepare_field(const LaneProblem<double>&, std::span<const double* const>, AlignedVector<double>&);

template <class T>
FieldEvaluator<T>::FieldEvaluator(const LaneProblem<T>& problem)
    : problem_(problem), workspace_(problem.function.make_workspace()), saved_(problem.function.saved_size()) {}

template <class T>
void FieldEvaluator<T>::run(const T* times, const T* y, const LaneInputs<T>& inputs, T* slope, T* saved) {
  bind_field_inputs(problem_, times, y, inputs.arguments, inputs_);
  outputs_.clear();
  for (const std::size_t offset : problem_.part_offsets) outputs_.push_back(slope + offset * problem_.lanes);
  outputs_.resize(outputs_.size() + problem_.num_late_outputs, nullptr);
  problem_.function.run(Phase::kForward, {.inputs = inputs_,
                                          .outputs = outputs_,
                                          .shared = inputs.shared,
                                          .saved = saved,
                                          .workspace = &workspace_,
                                          .lane_weights = nullptr,
                                          .num_samples = inputs.num_samples,
                                          .first_sample = 0,
                                          .report = nullptr});
}

template class FieldEvaluator<float>;
template class FieldEvaluator<double>;

}  // namespace costate::internal

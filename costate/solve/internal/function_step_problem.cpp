#include "costate/solve/internal/function_step_problem.h"

#include "costate/solve/internal/implicit_step.h"

namespace costate::internal {

template <class T>
void bind_step_inputs(const TimeRows& time, std::size_t lanes, const T* times, const T* h, const T* y,
                      std::span<const T* const> arguments, std::vector<const T*>& pointers) {
  pointers.clear();
  for (const std::size_t offset : time.offsets) pointers.push_back(times == nullptr ? nullptr : times + offset * lanes);
  pointers.push_back(h);
  pointers.push_back(y);
  pointers.insert(pointers.end(), arguments.begin(), arguments.end());
}

template void bind_step_inputs(const TimeRows&, std::size_t, const float*, const float*, const float*,
                               std::span<const float* const>, std::vector<const float*>&);
template void bind_step_inputs(const TimeRows&, std::size_t, const double*, const double*, const double*,
                               std::span<const double* const>, std::vector<const double*>&);

template <class T>
FunctionStepProblem<T>::FunctionStepProblem(const VectorField& field, const SolveOptions& options,
                                            std::size_t num_lanes, StepUse use)
    : FunctionStepProblem(internal::step_function(field, options, use, std::numeric_limits<T>::epsilon()), field,
                          num_lanes) {
  if (options.method == Method::kAuto)
    explicit_step.reset(new FunctionStepProblem(
        internal::explicit_step(field, options, use, std::numeric_limits<T>::epsilon()), field, num_lanes));
}

template <class T>
FunctionStepProblem<T>::FunctionStepProblem(StepFunction step_function, const VectorField& field, std::size_t num_lanes)
    : step(std::move(step_function)),
      lanes(num_lanes),
      state_size(static_cast<std::size_t>(field.state_size())),
      reads_time(internal::reads_time(field.function())),
      function(lower_reading_time<T>({step.function, {}}, num_lanes, time, step.nodes.size())) {}

template <class T>
void FunctionStepProblem<T>::prepare(std::span<const T* const> arguments, T* shared) const {
  std::vector<const T*> pointers;
  bind_step_inputs<T>(time, lanes, nullptr, nullptr, nullptr, arguments, pointers);
  function.prepare(pointers, shared);
  if (explicit_step) explicit_step->prepare(arguments, shared + explicit_shared());
}

template struct FunctionStepProblem<float>;
template struct FunctionStepProblem<double>;

}  // namespace costate::internal

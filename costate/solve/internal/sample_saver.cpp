#include "costate/solve/internal/sample_saver.h"

#include <algorithm>

#include "costate/exec/kernels/kernels.h"
#include "costate/graph/simplify.h"

namespace costate::internal {
namespace {

/// The function of a sample's times: all else is the same for all lanes.
Function of_one_sample(const SaveFunction& save) {
  std::vector<Input> inputs = save.function().inputs();
  for (std::size_t i = 1 + save.num_parts(); i < inputs.size(); ++i) inputs[i].kind = InputKind::kShared;
  return simplify(Function(save.function().nodes(), std::move(inputs), save.function().outputs()));
}

}  // namespace

template <class T>
SaveProblem<T>::SaveProblem(const SaveFunction& save, const LaneProblem<T>& solved)
    : problem(solved),
      out_size(static_cast<std::size_t>(save.shape().size())),
      lanes(std::min(rounded_lanes<T>(problem.num_times), 4 * simd_lanes<T>())),
      part_offsets(problem.part_offsets.begin(),
                   problem.part_offsets.begin() + static_cast<std::ptrdiff_t>(save.num_parts())),
      function({of_one_sample(save), {}}, lanes),
      num_arguments(save.num_arguments()) {
  for (std::size_t i = 1 + save.num_parts(); i < save.function().inputs().size(); ++i) {
    const Input& input = save.function().inputs()[i];
    AlignedVector<T>& numbers = inputs.emplace_back(static_cast<std::size_t>(input.shape.size()));
    if (input.parameter) input.parameter->value().copy_to(std::span<T>(numbers));
  }
}

template <class T>
SampleSaver<T>::SampleSaver(const SaveProblem<T>& problem)
    : problem_(problem),
      num_times_(problem.problem.num_times),
      state_size_(problem.problem.state_size),
      evaluator_(problem.part_offsets, problem.function, problem.lanes),
      states_(problem.problem.lanes * num_times_ * state_size_),
      inputs_(problem.inputs),
      times_(padded(problem.lanes)),
      y_(padded(state_size_ * problem.lanes)),
      values_(padded(problem.out_size * problem.lanes)) {
  for (const auto& numbers : inputs_) pointers_.push_back(numbers.data());
}

/// The lane's column of arguments of samples; others as they are.
template <class T>
void SampleSaver<T>::load_arguments(std::span<const T* const> arguments, std::size_t lane) {
  for (std::size_t i = 0; i < problem_.num_arguments; ++i) {
    const bool is_shared = problem_.problem.argument(i).kind == InputKind::kShared;
    const std::size_t stride = is_shared ? 1 : problem_.problem.lanes;
    const T* from = arguments[i] + (is_shared ? 0 : lane);
    for (std::size_t k = 0; k < inputs_[i].size(); ++k) inputs_[i][k] = from[k * stride];
  }
  evaluator_.prepare(pointers_);
}

template <class T>
void SampleSaver<T>::save(const double* times, std::span<const T* const> arguments, std::size_t lane, T* out) {
  const std::size_t lanes = problem_.lanes;
  load_arguments(arguments, lane);
  T* const outputs[] = {values_.data()};
  for (std::size_t first = 0; first < num_times_; first += lanes) {
    const std::size_t count = std::min(lanes, num_times_ - first);
    for (std::size_t i = 0; i < lanes; ++i) {
      const std::size_t time = first + std::min(i, count - 1);  // the last one again, where no more are left
      times_[i] = times[time * problem_.problem.lanes + lane];
      const T* state = states(lane) + time * state_size_;
      for (std::size_t row = 0; row < state_size_; ++row) y_[row * lanes + i] = state[row];
    }
    evaluator_.run({.times = times_.data(), .y = y_.data(), .arguments = pointers_, .num_samples = count}, outputs);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t k = 0; k < problem_.out_size; ++k) *out++ = values_[k * lanes + i];
  }
}

template struct SaveProblem<float>;
template struct SaveProblem<double>;
template class SampleSaver<float>;
template class SampleSaver<double>;

}  // namespace costate::internal

#include "costate/solve/internal/stragglers.h"

#include <algorithm>
#include <limits>

namespace costate::internal {

template <class T>
Stragglers<T>::Stragglers(const LaneProblem<T>& problem)
    : problem_(problem), solver_(*problem.narrow), columns_(problem.narrow->lanes) {
  z0_.resize(problem.state_size * most());
  states_.resize(problem.num_times * z0_.size());
  times_.resize(problem.num_times * most());
}

template <class T>
void Stragglers<T>::run(const LaneSolver<T>& wide, std::span<const std::uint32_t> lanes, const LaneInputs<T>& inputs,
                        T* states) {
  std::fill(std::copy(lanes.begin(), lanes.end(), columns_.begin()), columns_.end(), lanes.back());
  gather(wide.y(), problem_.state_size, z0_.data());
  gather(inputs.times, problem_.num_times, times_.data());
  arguments_.assign(inputs.arguments.begin(), inputs.arguments.end());
  packed_.resize(arguments_.size());
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Input& argument = problem_.argument(i);
    if (argument.kind == InputKind::kShared) continue;
    const auto size = static_cast<std::size_t>(argument.shape.size());
    packed_[i].resize(size * most());
    gather(arguments_[i], size, packed_[i].data());
    arguments_[i] = packed_[i].data();
  }
  prepare_field<T>(*problem_.narrow, arguments_, shared_);
  inputs_ = {.z0 = z0_.data(),
             .times = times_.data(),
             .arguments = arguments_,
             .shared = shared_.data(),
             .num_samples = lanes.size(),
             .memory_parts = inputs.memory_parts};
  std::ranges::fill(states_, std::numeric_limits<T>::quiet_NaN());
  solver_.take_over(wide, columns_, inputs_, states_.data());
  for (std::size_t i = 0; i < lanes.size(); ++i)
    for (std::size_t row = wide.next_output(lanes[i]) * problem_.state_size;
         row < problem_.num_times * problem_.state_size; ++row)
      states[row * problem_.lanes + lanes[i]] = states_[row * most() + i];
}

template class Stragglers<float>;
template class Stragglers<double>;

}  // namespace costate::internal

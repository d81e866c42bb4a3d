#include "costate/adjoint/internal/lender.h"

#include <algorithm>

namespace costate::internal {

template <class T>
Lender<T>::Lender(const LaneProblem<T>& problem)
    : problem_(problem), borrows_(problem.lanes), lent_(problem.field.function().inputs().size()) {}

template <class T>
bool Lender<T>::start(const LaneSolver<T>& solver, const LaneInputs<T>& inputs) {
  for (std::size_t lane = 0; lane < problem_.lanes; ++lane)
    borrows_[lane] = lane >= inputs.num_samples || solver.outcomes()[lane].status != Status::kOk;
  return lend_arguments(inputs.arguments);
}

template <class T>
bool Lender<T>::start(std::span<const char> borrows, std::span<const T* const> arguments) {
  std::ranges::copy(borrows, borrows_.begin());
  return lend_arguments(arguments);
}

template <class T>
bool Lender<T>::lend_arguments(std::span<const T* const> arguments) {
  arguments_.assign(arguments.begin(), arguments.end());
  lender_ = static_cast<std::size_t>(std::find(borrows_.begin(), borrows_.end(), 0) - borrows_.begin());
  if (lender_ == problem_.lanes) return false;
  if (std::find(borrows_.begin(), borrows_.end(), 1) == borrows_.end()) return true;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const Input& argument = problem_.argument(i);
    if (argument.kind == InputKind::kShared) continue;
    const auto size = static_cast<std::size_t>(argument.shape.size());
    lent_[i].assign(arguments_[i], arguments_[i] + size * problem_.lanes);
    lend(lent_[i].data(), size);
    arguments_[i] = lent_[i].data();
  }
  return true;
}

template class Lender<float>;
template class Lender<double>;

}  // namespace costate::internal

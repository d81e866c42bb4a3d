// The last lanes of a tile, which a solver with fewer lanes took to their end: they are taken back first.
#include "costate/adjoint/internal/discrete_sweep.h"

namespace costate::internal {

/// What happened after the steps that are recorded here: the cotangents of the state and slope that it began with.
template <class T>
void DiscreteSweep<T>::take_back_stragglers() {
  const Stragglers<T>* stragglers = solve_.solver->stragglers();
  if (stragglers == nullptr) return;
  const std::size_t rows = problem_.state_size, width = stragglers->most();
  const std::span<const std::uint32_t> lanes = stragglers->lanes();
  narrow_->cotangent.resize(problem_.num_times * rows * width);
  stragglers->gather(cotangent_, problem_.num_times * rows, narrow_->cotangent.data());
  for (std::size_t i = 0; i < narrow_->cotangent.size(); ++i)
    if (i % width >= lanes.size()) narrow_->cotangent[i] = T{0};
  const FinishedSolve<T> solve{.solver = &stragglers->solver(), .inputs = stragglers->inputs(), .states = nullptr};
  evaluations_ += narrow_->sweep.run(solve, narrow_->cotangent.data(), narrow_->gradients);
  const auto add_columns = [&](const AlignedVector<T>& from, AlignedVector<T>& to) {
    for (std::size_t i = 0; i < lanes.size(); ++i)
      for (std::size_t row = 0; row * width < from.size(); ++row) to[row * lanes_ + lanes[i]] += from[row * width + i];
  };
  const SolveGradients<T>& found = narrow_->gradients;
  add_columns(found.times, gradients_->times);
  for (std::size_t i = 0; i < found.arguments.size(); ++i)
    if (!field_.arguments()[i].is_shared)
      add_columns(found.arguments[i], gradients_->arguments[i]);
    else
      for (std::size_t k = 0; k < found.arguments[i].size(); ++k) gradients_->arguments[i][k] += found.arguments[i][k];
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    if (lender_.borrows(lanes[i])) continue;
    T* z = (remaining_[lanes[i]] > 0 ? y_cotangent_ : gradients_->z0).data() + lanes[i];
    for (std::size_t row = 0; row < rows; ++row) {
      z[row * lanes_] = found.z0[row * width + i];
      carried_[row * lanes_ + lanes[i]] = narrow_->sweep.carried_[row * width + i];
    }
  }
}

// Members that have their definitions here.
template void DiscreteSweep<float>::take_back_stragglers();
template void DiscreteSweep<double>::take_back_stragglers();

}  // namespace costate::internal

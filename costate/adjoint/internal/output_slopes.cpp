#include "costate/adjoint/internal/output_slopes.h"

namespace costate::internal {

template <class T>
OutputSlopes<T>::OutputSlopes(const LaneProblem<T>& problem)
    : problem_(problem),
      lanes_(problem.lanes),
      field_(problem),
      walk_(problem),
      slope_(problem.state_size * problem.lanes),
      times_(problem.time.count * problem.lanes),
      output_times_(problem.lanes) {}

template <class T>
void OutputSlopes<T>::start(const FinishedSolve<T>& solve, const Lender<T>& lender) {
  solve_ = solve;
  lender_ = &lender;
  prepare_field<T>(problem_, lender.arguments(), shared_);
}

template <class T>
void OutputSlopes<T>::set(std::size_t lane, double t, Side side) {
  const double* times = solve_.inputs.times + lane;
  const double direction = times[(problem_.num_times - 1) * lanes_] >= times[0] ? 1 : -1;
  output_times_[lane] = solve_.solver->side_of(lane, t, side == Side::kBefore ? -direction : direction);
}

template <class T>
const T* OutputSlopes<T>::at(const T* z) {
  lender_->lend(output_times_.data(), 1);
  for (std::size_t lane = 0; lane < lanes_; ++lane) walk_.wait(lane, output_times_[lane]);
  walk_.write_times(0, times_.data());
  LaneInputs<T> lent = solve_.inputs;
  lent.arguments = lender_->arguments();
  lent.shared = shared_.data();
  field_.run(times_.data(), z, lent, slope_.data());
  return slope_.data();
}

template class OutputSlopes<float>;
template class OutputSlopes<double>;

}  // namespace costate::internal

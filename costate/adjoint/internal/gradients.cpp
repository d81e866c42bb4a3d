#include "costate/adjoint/internal/gradients.h"

namespace costate::internal {

template <class T>
void SolveGradients<T>::clear(const LaneProblem<T>& problem, const std::vector<WantedArgument>& wanted) {
  z0.assign(problem.state_size * problem.lanes, T{0});
  times.assign(problem.num_times * problem.lanes, T{0});
  arguments.resize(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    arguments[i].assign(wanted[i].size * (wanted[i].is_shared ? 1 : problem.lanes), T{0});
}

template struct SolveGradients<float>;
template struct SolveGradients<double>;

}  // namespace costate::internal

#include "costate/adjoint/internal/gradients.h"

#include <algorithm>
#include <limits>

namespace costate::internal {

template <class T>
void SolveGradients<T>::clear(const LaneProblem<T>& problem, const std::vector<WantedArgument>& wanted) {
  z0.assign(problem.state_size * problem.lanes, T{0});
  times.assign(problem.num_times * problem.lanes, T{0});
  arguments.resize(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    arguments[i].assign(wanted[i].size * (wanted[i].is_shared ? 1 : problem.lanes), T{0});
}

template <class T>
void SolveGradients<T>::lose(std::size_t lane, std::size_t lanes, const std::vector<WantedArgument>& wanted) {
  constexpr T kUnknown = std::numeric_limits<T>::quiet_NaN();
  const auto lose_column = [&](AlignedVector<T>& values) {
    for (std::size_t i = lane; i < values.size(); i += lanes) values[i] = kUnknown;
  };
  lose_column(z0);
  lose_column(times);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].is_shared)
      std::ranges::fill(arguments[i], kUnknown);
    else
      lose_column(arguments[i]);
  }
}

template struct SolveGradients<float>;
template struct SolveGradients<double>;

}  // namespace costate::internal

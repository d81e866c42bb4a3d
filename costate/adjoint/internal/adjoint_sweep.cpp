#include "costate/adjoint/internal/adjoint_sweep.h"

#include "costate/adjoint/internal/continuous_adjoint.h"
#include "costate/adjoint/internal/discrete_sweep.h"
#include "costate/adjoint/internal/forward_sensitivities.h"

namespace costate::internal {

SolveOptions sweep_options(SolveOptions options) {
  if (!takes_back_steps(options.adjoint) && tableau(options.method).is_implicit()) options.method = Method::kDopri5;
  return options;
}

template <class T>
std::unique_ptr<AdjointSweep<T>> make_sweep(const LaneProblem<T>& problem, const FieldVjp<T>& field,
                                            const SolveOptions& options) {
  if (takes_back_steps(options.adjoint)) return std::make_unique<DiscreteSweep<T>>(problem, field);
  if (options.adjoint == Adjoint::kForward) return std::make_unique<ForwardSensitivities<T>>(problem, field, options);
  return std::make_unique<ContinuousAdjoint<T>>(problem, field, options);
}

template std::unique_ptr<AdjointSweep<float>> make_sweep(const LaneProblem<float>&, const FieldVjp<float>&,
                                                         const SolveOptions&);
template std::unique_ptr<AdjointSweep<double>> make_sweep(const LaneProblem<double>&, const FieldVjp<double>&,
                                                          const SolveOptions&);

}  // namespace costate::internal

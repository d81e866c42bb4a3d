// Which sweep belongs to which `adjoint`.
#pragma once

#include <memory>

#include "costate/adjoint/internal/gradients.h"

namespace costate::internal {

/// The options of the problem whose field a sweep evaluates with its vjp, for a solve with `options`. Where the sweep
/// takes back no steps, it is of an explicit method whatever the solve's, since a step of an implicit one is its own
/// Function.
SolveOptions sweep_options(SolveOptions options);

/// `problem` is of sweep_options(options); it and `field` outlive the sweep.
template <class T>
std::unique_ptr<AdjointSweep<T>> make_sweep(const LaneProblem<T>& problem, const FieldVjp<T>& field,
                                            const SolveOptions& options);

extern template std::unique_ptr<AdjointSweep<float>> make_sweep(const LaneProblem<float>&, const FieldVjp<float>&,
                                                                const SolveOptions&);
extern template std::unique_ptr<AdjointSweep<double>> make_sweep(const LaneProblem<double>&, const FieldVjp<double>&,
                                                                 const SolveOptions&);

}  // namespace costate::internal

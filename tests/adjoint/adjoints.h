// The values of `adjoint` that explicit Runge-Kutta methods have, for tests that hold for all of them.
#pragma once

#include <gtest/gtest.h>

#include "costate/solve/options.h"

namespace costate::test {

inline constexpr Adjoint kAdjoints[] = {Adjoint::kDiscrete, Adjoint::kBacksolve, Adjoint::kInterpolating,
                                        Adjoint::kQuadrature, Adjoint::kForward};

/// The name of a test's parameter.
inline std::string adjoint_name(const ::testing::TestParamInfo<Adjoint>& adjoint) { return name(adjoint.param); }

}  // namespace costate::test

// The gradient of a solve by SUNDIALS' CVODES, adjoint = "cvodes": the adjoint equations solved backwards by the same
// method, with the states between read from what CVODES interpolates from its checkpoints.
//
//     lambda' = -lambda df/dy,  lambda(T) = the last output's cotangent, each other one added at its time
//     d loss / d argument = integral of lambda df/d argument
//
// It is the gradient of the solution and not of the steps, and off by 60 to 2,300 tolerances (measured on
// Lotka-Volterra, SUNDIALS 6.4.1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "costate/solve/internal/cvode_solver.h"

namespace costate::internal {

/// Of one sample.
struct CvodeGradients {
  std::vector<double> z0;
  std::vector<std::vector<double>> arguments;  // one a wanted argument
  std::int64_t nfe = 0;                        // of the field, and of its vjp
};

class CvodeAdjoint {
 public:
  /// `problem` has a vjp.
  explicit CvodeAdjoint(const CvodeProblem& problem);

  /// `cotangent` [time, state]; all 0: so are the gradients, and nothing is solved. What a solve that fails on the way
  /// makes unknown is NaN.
  CvodeGradients run(std::span<const double> z0, std::span<const double> times,
                     std::span<const std::vector<double>> arguments, std::span<const double> cotangent);

 private:
  struct Calls;
  struct Objects;

  bool solve_forward(std::span<const double> z0, std::span<const double> times, sundials::Memory memory,
                     Objects& objects);
  bool solve_backward(std::span<const double> times, std::span<const double> cotangent, sundials::Memory memory,
                      Objects& objects, CvodeGradients& gradients);

  const CvodeProblem& problem_;
  const CvodeObjects objects_;
  CvodeFunction slope_, jacobian_, vjp_;
  std::vector<std::size_t> sizes_;  // of wanted arguments
  std::size_t num_arguments_ = 0;   // numbers of all of them
  AlignedVector<double> rows_;
  std::vector<double*> targets_;
  std::int64_t evaluations_ = 0;
};

}  // namespace costate::internal

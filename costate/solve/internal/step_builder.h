// What implicit steps have in common: the field's matrices, Newton's method, and what a step gives out.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/step_graph.h"
#include "costate/solve/internal/step_matrix.h"
#include "costate/solve/methods/implicit.h"

namespace costate::internal {

using Arrays = std::vector<Array>;

/// sum_j weights_j x_j, without those that are 0; empty if all are.
Array combine(std::span<const double> weights, std::span<const Array> x);
Array plus(const Array& x, const Array& more);
/// The start and the nodes of a method.
std::vector<double> with_start(const std::vector<double>& nodes);

/// What Newton's method found, and its last two corrections.
struct NewtonRoot {
  Array z, before, last;
};

class StepBuilder : protected StepGraph {
 protected:
  StepBuilder(const VectorField& field, const SolveOptions& options, StepUse use, double rounding);

  /// InvalidArgument for dense systems of too many unknowns.
  void check_unknowns() const;
  StepFunction finish();

  /// M x with M of M y' = f.
  Array mass_times(const Array& x) const;
  /// M - h gamma J.
  Array newton_matrix(double gamma, const Array& jacobian) const { return matrices_.mass() - (gamma * h_) * jacobian; }

  /// df/dy at the start of the step, for its linear systems: the one that the field gives, or from the graph.
  Array start_jacobian(const Array& f0) const;

  /// `residual`: G(z), which Newton's method brings to 0 by the matrix -W.
  NewtonRoot newton(const std::function<Array(const Array&)>& residual, const FactoredMatrix& w, Array z) const;
  /// z with the derivative of the implicit function theorem, where one is wanted; `matrix` is -dG/dz there.
  Array differentiable(const Array& z, const std::function<Array(const Array&)>& residual,
                       const std::function<FactoredMatrix()>& matrix);
  /// The largest number of each [state], in tolerances at y.
  Array size_of(const std::vector<Array>& corrections, const Array& y) const;
  /// Joins what Newton's method is still off, of its last two corrections, to that of the stages before.
  void note_newton_error(const std::vector<Array>& before, const std::vector<Array>& last, const Array& y);

  void set_dense(Arrays vectors, std::vector<std::vector<double>> polynomials);

  const SolveOptions& options_;
  const StepMatrices matrices_;
  Array y_next_, error_, stiffness_;

 private:
  const StepUse use_;
  const double rounding_;
  const ErrorMeasure measure_;
  const int num_iterations_;
  Array newton_error_;
  Arrays dense_;
};

/// Of Radau IIA and Gauss methods.
StepFunction collocation_step(const VectorField& field, const SolveOptions& options, StepUse use, double rounding);

}  // namespace costate::internal

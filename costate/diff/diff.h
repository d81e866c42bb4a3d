// Derivatives: Function -> Function, so that they nest to any order, and the same inside a trace.
#pragma once

#include <span>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/graph.h"

namespace costate {

/// Reverse mode. Inputs: those of f, then one cotangent an output of f, shaped like it. Outputs: those of f, then
/// cotangent · df/dx for each wanted input x (positions in f.inputs(); all inputs if `wrt` is empty); for a kShared
/// input it is summed over the batch (OutputKind::kSum).
Function vjp(const Function& f, std::span<const std::size_t> wrt = {});

/// Forward mode. Inputs: those of f, then one tangent a wanted input. Outputs: those of f, then the tangent of each, of
/// its kind. jvp(value_and_grad(loss)) gives Hessian–vector products, through a solve too. `shared_tangents`: whether
/// inputs that all samples share move alike for all (kShared), or along a tangent of each sample's own (kSample).
Function jvp(const Function& f, std::span<const std::size_t> wrt = {}, InputKind shared_tangents = InputKind::kShared);

/// What value_and_grad gives besides.
struct GradientOptions {
  /// After the gradients, for each of them an estimate of its distance from the true one, shaped and summed like it:
  /// the gradient of tighten(loss) minus it. All together takes 1.3 to 3 times the evaluations. Within a factor of ten
  /// of the error where that is more than a millionth of rtol (for dopri8, a hundredth) and than rounding, which is
  /// 1e-5 of a gradient's terms in f32; below, it is noise. A sample whose tightened solve fails is in the run's
  /// report.
  bool gradient_error = false;
};

/// Outputs: those of `loss`, the first of which must be a scalar, then its gradient with respect to each wanted input,
/// and what `options` asks for. ShapeError if the first output is not a scalar.
Function value_and_grad(const Function& loss, std::span<const std::size_t> wrt = {},
                        const GradientOptions& options = {});

/// The same with respect to Parameters. InvalidArgument if the loss does not use one of them.
Function value_and_grad(const Function& loss, std::span<const Parameter> parameters,
                        const GradientOptions& options = {});

/// Outputs: those of f, then for each output, and each wanted input x, the Jacobian d output / d x of shape
/// output.shape + x.shape. It is one a sample, of shared inputs too. Takes as many derivatives as x or the output has
/// numbers, whichever are fewer.
Function jacobian(const Function& f, std::span<const std::size_t> wrt = {});

/// Outputs: those of `loss`, the first of which must be a scalar, then for each pair of wanted inputs x and y its
/// second derivatives d² loss / dx dy of shape x.shape + y.shape. If both are shared they are summed over the batch, as
/// gradients are. Takes as many gradients as y has numbers. ShapeError if the first output is not a scalar,
/// NotSupported where an operation has no second derivative: a solve by a method that steps on a grid alone or by
/// CVODE, and one with a mass_matrix by its times, or with events.
Function hessian(const Function& loss, std::span<const std::size_t> wrt = {});

/// Inside a trace: the Jacobian of `value` with respect to x, of shape value.shape + x.shape.
Array jacobian(const Array& value, const Array& x);

/// Inside a trace: d(sum of values · cotangents)/d x for each x of `wrt`, as Arrays of the same trace; zeros where
/// nothing flows.
std::vector<Array> pull_back(std::span<const Array> values, std::span<const Array> cotangents,
                             std::span<const Array> wrt);

/// Inside a trace: the gradient of a scalar. ShapeError if `value` is not one.
std::vector<Array> gradient(const Array& value, std::span<const Array> wrt);

/// Inside a trace: the tangents of `values` when each x of `wrt` moves along its tangent.
std::vector<Array> push_forward(std::span<const Array> values, std::span<const Array> wrt,
                                std::span<const Array> tangents);

}  // namespace costate

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
/// its kind. jvp(value_and_grad(loss)) gives Hessian–vector products, through a solve too.
Function jvp(const Function& f, std::span<const std::size_t> wrt = {});

/// Outputs: those of `loss`, the first of which must be a scalar, then its gradient with respect to each wanted input.
/// ShapeError if the first output is not a scalar.
Function value_and_grad(const Function& loss, std::span<const std::size_t> wrt = {});

/// The same with respect to Parameters. InvalidArgument if the loss does not use one of them.
Function value_and_grad(const Function& loss, std::span<const Parameter> parameters);

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

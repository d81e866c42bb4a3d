// The reference interpreter: plain loops in f64 on one sample. It defines what each operation means; the executor must
// agree.
#pragma once

#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/graph/graph.h"

namespace costate {

/// The outputs of `function` for one sample, in f64. `inputs` has one array an input, in order, shaped like it; or one
/// an input that is not a Parameter, the Parameters then being read from their values. ShapeError if they do not fit.
std::vector<HostArray> interpret(const Function& function, std::span<const HostArray> inputs);
inline std::vector<HostArray> interpret(const Function& function, std::initializer_list<HostArray> inputs) {
  return interpret(function, std::span(inputs.begin(), inputs.size()));
}

namespace internal {

/// One node's numbers from its operands' numbers, flat and row-major; any node but an input.
std::vector<double> interpret_node(const Node& node, std::span<const std::vector<double>> operands,
                                   std::span<const Shape> shapes);

}  // namespace internal
}  // namespace costate

// The one-call check of a program: executor against interpreter, derivatives against differences, lanes and threads
// against each other.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/graph/graph.h"

namespace costate::testing {

/// One array an input (Parameters not counted): [batch, …shape] for samples, [shape] for shared, drawn from (low,
/// high).
std::vector<HostArray> draw_inputs(const Function& function, std::int64_t batch, double low, double high,
                                   std::uint64_t seed);

/// The interpreter run sample by sample, its kSum outputs added up over the batch.
std::vector<HostArray> interpret_batch(const Function& function, const std::vector<HostArray>& inputs);

/// Expects the compiled program to agree with the interpreter: |difference| <= tolerance · (1 + |value|) in f64, for
/// lanes 1 and chosen, and its bits to be the same for 1, 2 and 7 threads. `tolerance` counts the rounding of sums in
/// another order.
void check_execution(const Function& function, const std::vector<HostArray>& inputs, double tolerance);

/// Expects jvp and vjp to agree with central differences along random directions and with each other, <v, Jw> = <J^T v,
/// w>.
void check_derivatives(const Function& function, const std::vector<HostArray>& inputs, double tolerance);

/// The same of the function, for samples from (-1, 1), and of its vjp.
void check_two_orders(const Function& function, double tolerance);

}  // namespace costate::testing

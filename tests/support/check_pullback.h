// Pull-backs against the same derivatives in one go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/exec/pullback.h"
#include "costate/graph/graph.h"

namespace costate::testing {

/// One array an output, [batch, …shape], drawn from (-1, 1).
std::vector<HostArray> draw_cotangents(const Function& function, std::int64_t batch, std::uint64_t seed);

/// Expects the same bits of all arrays.
void expect_same_bits(const std::vector<HostArray>& found, const std::vector<HostArray>& expected, const char* what);

/// Expects a run and its pull-back, called twice, to have the bits of compile(vjp(function)), which computes both at
/// once, and the reports to add up to its counts of failures and accepted steps. In f64 and f32.
void check_pullback(const Function& function, const std::vector<HostArray>& inputs, PullbackOptions options = {});

struct ThreadsOptions {
  std::size_t threads = 4;
  int rounds = 3;
};

/// Expects the gradients of one run, pulled back by some threads while others run and pull back, to have the bits of
/// those alone.
void check_threads(const PullbackProgram& program, const std::vector<HostArray>& inputs,
                   const std::vector<HostArray>& cotangents, const ThreadsOptions& options);

}  // namespace costate::testing

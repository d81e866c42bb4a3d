// solve_on: a solve of a batch of numbers on a device. solve_there: of numbers that stand there.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "costate/exec/device.h"
#include "costate/solve/dense_solution.h"
#include "costate/solve/solve.h"

namespace costate {

/// solve() on a device. On a card one kernel takes tiles of samples through all of their steps, compiled when a solve
/// of that field and these options is first asked for; what it gives is what the CPU gives. Explicit methods with their
/// own, joint or fixed steps and outputs within them; the card's kernels are experimental (docs/gpu.md). Throws as
/// solve() does, and NotSupported for what kernels do not have and where there is no card.
Solution solve_on(Device device, const VectorField& field, const HostArray& z0, const HostArray& times,
                  const SolveOptions& options = {}, std::span<const HostArray> arguments = {});

/// solve_dense() on a device, as solve_on().
DenseResult solve_dense_on(Device device, const VectorField& field, const HostArray& z0, const HostArray& times,
                           const SolveOptions& options = {}, std::span<const HostArray> arguments = {});

/// Numbers in a card's memory, row-major and without gaps, of a solve's dtype: a tensor of another library, which keeps
/// them (data_ptr() of a PyTorch tensor, the data of a DLPack tensor).
struct DeviceNumbers {
  std::uint64_t address = 0;
  Shape shape = {};
};

/// Such numbers that belong to whoever holds these or a copy.
struct OwnedNumbers {
  DeviceNumbers numbers = {};
  Dtype dtype = Dtype::kF64;
  std::shared_ptr<const void> memory = {};  // freed with the last copy
};

/// Room for an array on the card. NotSupported as solve_on().
OwnedNumbers new_numbers_there(Dtype dtype, const Shape& shape);
/// A copy of them on the host.
HostArray copied_from_there(const OwnedNumbers& owned);

/// Where such a solve reads and writes. z0 and arguments have the shapes that solve() takes, states [batch, time, …z0].
struct DeviceSolve {
  DeviceNumbers z0, states;
  std::span<const DeviceNumbers> arguments = {};
  std::uint64_t stream = 0;  ///< a CUstream of the first card; 0: the default one
};

/// solve_on() a card of numbers that stand on it, which are read in place; the states are written to `there.states`.
/// The kernel runs behind what the stream was given before, and is done when this returns. Times are the host's, and
/// copied there; arguments that say when steps end (knots of a table, times at which the field switches) are copied to
/// the host. The Solution has statuses and counts, and neither states nor an end to go on from. Who solves a field more
/// than once, or wants gradients, makes a DeviceSolver (adjoint/device_solver.h). Throws as solve_on(), and
/// InvalidArgument for an address of 0.
Solution solve_there(const VectorField& field, const DeviceSolve& there, const HostArray& times,
                     const SolveOptions& options = {});

}  // namespace costate

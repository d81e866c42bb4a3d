// Solves of numbers that stand on a card, with their gradients: what solve_there() does, its kernels made once.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "costate/solve/device.h"

namespace costate {

/// What gradients of such solves will be asked for, besides z0: of the output times, and of each argument of the field.
struct DeviceWanted {
  bool times = false;
  std::vector<bool> arguments = {};  // none, or one an argument
};

/// On the card. What is not wanted is empty.
struct DeviceGradients {
  OwnedNumbers z0;                      // [batch, …state]
  OwnedNumbers times;                   // [batch, time]
  std::vector<OwnedNumbers> arguments;  // [batch, …]; of a shared one […], summed over the batch
  std::int64_t evaluations = 0;         // of the field and its vjp
};

/// The reverse of one solve. Its steps stand on the card as long as it, or a copy, is there; z0 and the arguments are
/// read again where the solve has read them, and must have the same numbers still. May be called any number of times.
class DevicePullback {
 public:
  /// `cotangents`: of the states, [batch, time, …state]. Samples whose solve failed have gradient 0. ShapeError for
  /// another shape.
  DeviceGradients operator()(const DeviceNumbers& cotangents, std::uint64_t stream = 0) const;

  struct Record;
  explicit DevicePullback(std::shared_ptr<const Record> record) : record_(std::move(record)) {}

 private:
  std::shared_ptr<const Record> record_;
};

struct DeviceRun {
  Solution solution;
  DevicePullback pullback;
};

/// solve_there() of one field with the same options. May be used from many threads.
class DeviceSolver {
 public:
  /// NotSupported, as solve_there(), for what kernels do not have, and for adjoints other than the discrete one;
  /// InvalidArgument if `wanted` names other arguments than the field has.
  explicit DeviceSolver(const VectorField& field, const SolveOptions& options = {});
  DeviceSolver(const VectorField& field, const SolveOptions& options, const DeviceWanted& wanted);

  const VectorField& field() const;
  const SolveOptions& options() const;
  /// Whether an argument says when steps end, so that the host reads it.
  bool reads_arguments() const;

  /// As solve_there().
  Solution solve(const DeviceSolve& there, const HostArray& times) const;
  /// The same, with its reverse, of a solver that wants gradients.
  DeviceRun run(const DeviceSolve& there, const HostArray& times) const;

  struct Implementation;

 private:
  std::shared_ptr<const Implementation> implementation_;
};

}  // namespace costate

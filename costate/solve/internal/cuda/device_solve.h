// solve() of a batch on a device: one launch for all steps of all samples.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "costate/cuda/internal/device_array.h"
#include "costate/cuda/internal/kernel.h"
#include "costate/cuda/internal/kernels_by_lanes.h"
#include "costate/solve/device.h"
#include "costate/solve/internal/cuda/solve_kernel.h"
#include "costate/solve/internal/host_solver.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// What of a solve's numbers stands on the device already, and is not copied: addresses, 0 of what does not.
struct DeviceGiven {
  std::uint64_t z0 = 0, states = 0;
  std::vector<std::uint64_t> arguments = {};
  bool shares = false;       // an argument that all samples share is among them
  std::uint64_t stream = 0;  // the caller's
};

/// The numbers of a solve. Views: all outlive it.
struct DeviceBatch {
  const HostArray& z0;                   // [batch, state], as all of samples of any shape
  const HostArray& times;                // [time] or [batch, time]
  std::vector<const HostArray*> values;  // of the field's arguments, then its Parameters
  std::size_t batch = 0, num_times = 0;
  bool times_are_shared = true;
  DeviceGiven given = {};
};

DeviceBatch device_batch(const VectorField& field, const HostBatch& batch);

/// What a kernel of a solve reads, on the device: the first members of its argument, from z0 to time_shared.
template <class T>
class DeviceInputs {
 public:
  /// `kernel_field`: the problem's, or its linearized one.
  DeviceInputs(KernelDevice& device, const DeviceProblem& problem, const DeviceField& kernel_field, std::size_t lanes,
               const DeviceBatch& batch);

  const std::vector<std::uint64_t>& words() const { return words_; }
  /// The arguments and Parameters of a field for its kernels; around them is what kernels have for each sample.
  SharedNumbers shared_numbers(std::size_t before, std::size_t after) const;

 private:
  template <class Number>
  void give(DeviceArray<Number> array) {
    words_.push_back(array.address());
    if constexpr (std::is_same_v<Number, T>)
      arrays_.push_back(std::move(array));
    else
      doubles_.push_back(std::move(array));
  }

  const DeviceBatch& batch_;
  std::vector<std::uint64_t> arguments_;
  std::vector<DeviceArray<T>> arrays_;
  std::vector<DeviceArray<double>> doubles_;
  std::vector<std::uint64_t> words_;
};

/// What the solves of samples ended with, as lanes.inc says it of its `ends` and `counts`: one of each for a sample.
struct SampleEnds {
  std::vector<LaneOutcome> outcomes;
  std::vector<double> next_steps, previous_logs, before_logs;  // the latter two are what the controller remembers
  std::vector<bool> know_slopes;
};

/// What a solve leaves on the device: what the host is given, and for each sample the times, sizes and states of its
/// first accepted steps, up to the capacity.
template <class T>
struct DeviceSolved {
  DeviceArray<T> states, slopes;
  DeviceArray<double> ends;  // read by read_ends(), as the next
  DeviceArray<std::int64_t> counts;
  DeviceArray<double> record_times, record_sizes;
  DeviceArray<T> record_states, dense_coefficients;
  DeviceArray<double> dense_ends;
  std::size_t capacity = 0;

  /// Copied from the device.
  SampleEnds read_ends() const;
};

/// InvalidArgument for times that f32 cannot tell apart where the field reads t as such, NotSupported for joint control
/// of more samples than a tile has lanes.
template <class T>
DeviceSolved<T> launch_solve(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                             const DeviceProblem& problem, std::size_t lanes, const DeviceInputs<T>& inputs,
                             const DeviceBatch& batch, std::size_t capacity);

/// `solve(room)` records that many steps of a sample and gives how many the longest one took. Where these are more, it
/// solves once more, with room for all, and takes the same steps. Gives the room that was enough.
template <class Solve>
std::size_t solve_with_room(std::size_t room, const Solve& solve) {
  const std::size_t most = solve(room);
  if (most <= room) return room;
  solve(most);
  return most;
}

using SolveKernels = KernelsByLanes<KernelShape>;

/// The kernels of a problem, which outlives them. `shared_limit`: KernelDevice's.
SolveKernels solve_kernels(const DeviceProblem& problem, std::size_t shared_limit);
/// The lanes of its tiles: 64, if the batch fills more than half of them and their arrays stand in shared memory; else
/// 32.
std::size_t lanes_of_batch(const SolveKernels& kernels, std::size_t batch);

/// What the host is given of a solve. Where the states stay there it has none, and no end to go on from.
template <class T>
Solution solution_of(const DeviceProblem& problem, const HostBatch& batch, const DeviceSolved<T>& solved,
                     bool stays_there);

/// Runs a kernel of add_solve_kernel() on a batch whose inputs were checked; of a problem that keeps it, with the dense
/// output. NotSupported for events, a watch and a solve that goes on with another; and as launch_solve().
Solution run_solve_kernel(KernelDevice& device, KernelModule& module, const KernelShape& kernel,
                          const DeviceProblem& problem, std::size_t lanes, const VectorField& field,
                          const HostBatch& batch, const DeviceGiven& given = {}, DenseSolution::Steps* dense = nullptr);

/// All of it: the kernel is made for the problem and the batch, compiled and run. Of what is given on the device the
/// batch has no numbers, but where stops of steps depend on them, and the Solution no states.
Solution solve_on_device(KernelDevice& device, const VectorField& field, const SolveOptions& options,
                         const HostBatch& batch, const DeviceGiven& given = {}, DenseSolution::Steps* dense = nullptr);

/// Stops are found on the host: copies of the arguments that they depend on; of others nothing.
std::vector<HostArray> read_by_host(KernelDevice& device, const VectorField& field, const StopTables* stops,
                                    const DeviceSolve& there, Dtype dtype);
DeviceGiven given_there(const VectorField& field, const DeviceSolve& there);

/// What solve_there() throws for its numbers.
HostSizes check_there(const VectorField& field, const DeviceSolve& there, const HostArray& times);
/// An array that its holder owns.
template <class T>
OwnedNumbers owned(DeviceArray<T> array, const Shape& shape);

/// solve_there(), of numbers that were checked.
Solution solve_given(KernelDevice& device, const VectorField& field, const DeviceSolve& there, const HostArray& times,
                     const HostSizes& sizes, const SolveOptions& options);

}  // namespace costate::internal

// A field, or what is made of one, as kernels take it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "costate/cuda/internal/device_array.h"
#include "costate/cuda/internal/kernels_by_lanes.h"
#include "costate/cuda/internal/prepare_kernel.h"
#include "costate/graph/graph.h"
#include "costate/solve/internal/linear_field.h"

namespace costate::internal {

struct DeviceField {
  DeviceField(LinearField linear, bool reads_time, Dtype dtype);

  /// Inputs: what it reads of time, one a part, then the arguments and Parameters, then those that are late.
  Function function;
  std::vector<std::size_t> late_inputs;
  std::size_t num_times = 1;        // of its inputs
  std::optional<Function> of_time;  // in f32: time in f64 -> what it reads of it
  bool rounds_time = false;         // it reads t itself in f32
  // Of what all samples share, where that stands on the device.
  std::shared_ptr<const KernelsByLanes<PrepareKernel>> prepare;
};

/// The inputs of a DeviceField that all samples share, by position: numbers of the host, or where they stand.
struct SharedNumbers {
  std::vector<const HostArray*> host;
  std::vector<std::uint64_t> there;
  bool are_there = false;    // some of them on the device alone
  std::uint64_t stream = 0;  // of what makes them ready then
};

/// What kernels read of them: TileFunction::prepare's.
template <class T>
DeviceArray<T> prepared_numbers(KernelDevice& device, const DeviceField& field, std::size_t lanes,
                                const SharedNumbers& numbers);
/// The same of DeviceField::of_time, which shares constants alone; empty where there is none.
DeviceArray<double> prepared_time(KernelDevice& device, const DeviceField& field, std::size_t lanes);

}  // namespace costate::internal

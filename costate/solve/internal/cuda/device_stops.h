// The stops of a batch (lane_stops.h) on a device.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/cuda/internal/device_array.h"
#include "costate/solve/internal/cuda/device_solve.h"

namespace costate::internal {

/// The members of a kernel's argument that stops.inc reads; none where steps end at no stops.
template <class T>
class DeviceStops {
 public:
  DeviceStops(KernelDevice& device, const DeviceProblem& problem, const DeviceBatch& batch);

  const std::vector<std::uint64_t>& words() const { return words_; }

 private:
  std::vector<DeviceArray<double>> arrays_;
  std::vector<std::uint64_t> words_;
};

}  // namespace costate::internal

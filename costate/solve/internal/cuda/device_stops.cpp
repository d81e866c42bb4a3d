#include "costate/solve/internal/cuda/device_stops.h"

#include <numeric>

namespace costate::internal {

template <class T>
DeviceStops<T>::DeviceStops(KernelDevice& device, const DeviceProblem& problem, const DeviceBatch& batch) {
  if (problem.stops == nullptr) return;
  const StopTables& tables = *problem.stops;
  const std::vector<std::size_t> counts = tables.counts();
  const std::size_t size = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  const std::size_t rows = tables.are_shared() ? 1 : batch.batch;
  std::vector<double> times(rows * size), insides(rows * size), scales(rows);
  std::vector<std::vector<T>> values;
  for (const HostArray* value : batch.values) {
    std::vector<T>& numbers = values.emplace_back(static_cast<std::size_t>(value->size()));
    value->copy_to(std::span<T>(numbers));
  }
  LaneStops<T> stops(tables);
  const std::size_t first = tables.inputs.size() - (tables.of_arguments ? values.size() : 0);
  std::vector<const T*> arguments(values.size());
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; tables.of_arguments && i < values.size(); ++i)
      arguments[i] = values[i].data() + (tables.is_shared[first + i] ? 0 : row * tables.inputs[first + i]);
    stops.load(arguments, 1);
    stops.list(0, std::span(times).subspan(row * size, size), std::span(insides).subspan(row * size, size));
    scales[row] = stops.scale(0);
  }
  for (const std::vector<double>* numbers : {&times, &insides, &scales})
    words_.push_back(arrays_.emplace_back(device, std::span<const double>(*numbers)).address());
  words_.push_back(tables.are_shared() ? 1 : 0);
}

template class DeviceStops<float>;
template class DeviceStops<double>;

}  // namespace costate::internal

#include "costate/solve/internal/cuda/device_field.h"

#include "costate/cuda/internal/shared_inputs.h"
#include "costate/graph/internal/composed_pools.h"
#include "costate/graph/mark.h"
#include "costate/solve/internal/cuda/table_source.h"
#include "costate/solve/internal/time_part.h"

namespace costate::internal {

DeviceField::DeviceField(LinearField linear, bool reads_time, Dtype dtype)
    : function(compose_pools(drop_marks(linear.function))), late_inputs(std::move(linear.late_inputs)) {
  if (reads_time && dtype == Dtype::kF32) {
    TimePart part = split_time(function);
    num_times = part.of_time.outputs().size();
    rounds_time = part.reads_time;
    of_time = std::move(part.of_time);
    function = std::move(part.rest);
    for (std::size_t& input : late_inputs) input = input - 1 + num_times;
  }
  const auto add = [function = function, late = late_inputs, dtype](CudaSource& source, std::size_t lanes) {
    return add_prepare_kernel(source, "costate_prepare", function, dtype, lanes, late, table_expression);
  };
  prepare = std::make_shared<const KernelsByLanes<PrepareKernel>>(add);
}

template <class T>
DeviceArray<T> prepared_numbers(KernelDevice& device, const DeviceField& field, std::size_t lanes,
                                const SharedNumbers& numbers) {
  if (!numbers.are_there)
    return {device, SharedInputs<T>(field.function, lanes, numbers.host, field.late_inputs).prepared()};
  const auto& made = field.prepare->of(lanes);
  return run_prepare_kernel<T>(device, made.shapes, made.source, numbers.there, numbers.stream);
}

DeviceArray<double> prepared_time(KernelDevice& device, const DeviceField& field, std::size_t lanes) {
  if (!field.of_time) return {};
  return {device, SharedInputs<double>(*field.of_time, lanes, std::vector<const HostArray*>(1)).prepared()};
}

template DeviceArray<float> prepared_numbers(KernelDevice&, const DeviceField&, std::size_t, const SharedNumbers&);
template DeviceArray<double> prepared_numbers(KernelDevice&, const DeviceField&, std::size_t, const SharedNumbers&);

}  // namespace costate::internal

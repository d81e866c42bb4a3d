#include "costate/solve/internal/lowered_time.h"

#include <algorithm>
#include <numeric>

#include "costate/graph/mark.h"
#include "costate/solve/internal/time_part.h"

namespace costate::internal {

bool reads_time(const Function& function, std::size_t num_times) {
  return std::ranges::any_of(function.nodes(), [&](const Node& node) {
    return node.op == Op::kInput && node.indices[0] < static_cast<std::int64_t>(num_times);
  });
}

template <class T>
TileFunction<T> lower_reading_time(LinearField linear, std::size_t lanes, TimeRows& time, std::size_t num_times) {
  linear.function = drop_marks(linear.function);  // no more derivatives are taken
  time = TimeRows{.num_times = num_times,
                  .of_time = {},
                  .offsets = std::vector<std::size_t>(num_times),
                  .count = num_times,
                  .rounds_time = false};
  std::iota(time.offsets.begin(), time.offsets.end(), std::size_t{0});
  if (std::is_same_v<T, float> && reads_time(linear.function, num_times)) {
    TimePart part = split_time(linear.function, num_times);
    time.of_time = TileFunction<double>(part.of_time, lanes);
    time.rounds_time = part.reads_time;
    time.offsets.clear();
    time.count = 0;
    for (std::size_t i = 0; i < part.of_time.outputs().size(); ++i) {
      time.offsets.push_back(time.count);
      time.count += static_cast<std::size_t>(part.of_time.output_shape(i).size());
    }
    linear.function = std::move(part.rest);
    for (std::size_t& position : linear.late_inputs) position = position - num_times + time.offsets.size();
  }
  return TileFunction<T>(linear.function, lanes, linear.late_inputs);
}

template TileFunction<float> lower_reading_time(LinearField, std::size_t, TimeRows&, std::size_t);
template TileFunction<double> lower_reading_time(LinearField, std::size_t, TimeRows&, std::size_t);

}  // namespace costate::internal

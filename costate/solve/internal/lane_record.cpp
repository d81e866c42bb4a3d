#include "costate/solve/internal/lane_record.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/solve/control/step_ends.h"

namespace costate::internal {

int steps_in_interval(double length, const SolveOptions& options) {
  // So many that max_steps stops the solve; an overflow would be one step.
  constexpr double kMost = std::numeric_limits<int>::max();
  if (options.steps_per_interval > 0) return options.steps_per_interval;
  if (options.step_size > 0)
    return std::max(
        1, static_cast<int>(std::min(kMost, std::ceil(std::abs(length) / options.step_size * (1 - kLengthRounding)))));
  return 1;
}

template <class T>
void LaneRecord<T>::clear() {
  num_steps = 0;
  starts.clear();
  sizes.clear();
  rounds.clear();
  is_explicit.clear();
  interval_steps.clear();
  states.clear();
  stride = 1;
}

template <class T>
T* LaneRecord<T>::append(std::size_t state_size, std::size_t most_numbers) {
  const std::size_t index = num_steps++;
  if (index % stride != 0) return nullptr;
  while (states.size() + state_size > most_numbers && states.size() > state_size) {  // keep every second state
    const std::size_t kept = (states.size() / state_size + 1) / 2;
    for (std::size_t i = 1; i < kept; ++i)
      std::copy_n(states.begin() + static_cast<std::ptrdiff_t>(2 * i * state_size), state_size,
                  states.begin() + static_cast<std::ptrdiff_t>(i * state_size));
    states.resize(kept * state_size);
    stride *= 2;
    if (index % stride != 0) return nullptr;
  }
  const std::size_t size = states.size();
  states.resize(size + state_size);
  return states.data() + size;
}

template struct LaneRecord<float>;
template struct LaneRecord<double>;

}  // namespace costate::internal

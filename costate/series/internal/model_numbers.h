// Numbers of every model, which its exports have as well.
#pragma once

#include <cstdint>

namespace costate::internal {

inline constexpr std::int64_t kHarmonics = 3;  // of a clock: a day has a morning and an evening

/// Attempted steps of a prediction, which runs on for longer than a window of training.
inline constexpr std::int64_t kPredictionSteps = 1'000'000;

}  // namespace costate::internal

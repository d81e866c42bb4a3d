// The three phases in which a tile runs a plan.
//
// Inputs may be declared late: cotangents, known only in the reverse sweep. The program then splits into
//   kForward     everything that needs no late input: the primal values. Runs first.
//   kReverse     what late inputs reach: cotangents of sample inputs.
//   kAccumulate  what outputs of kind kSum (parameter gradients) add up: [n] += sum over lanes.
// Without late inputs kForward computes all sample outputs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

namespace costate::internal {

enum class Phase : std::uint8_t { kForward, kReverse, kAccumulate };

inline constexpr Phase kAllPhases[] = {Phase::kForward, Phase::kReverse, Phase::kAccumulate};
inline constexpr std::size_t kNumPhases = std::size(kAllPhases);

}  // namespace costate::internal

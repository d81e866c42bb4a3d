// What counts as an event, and what it does.
#pragma once

#include <cstdint>
#include <string>

namespace costate {

/// Which way g must go through zero, as time runs: either, from negative to positive, or from positive to negative.
enum class Crossing { kAny, kRising, kFalling };

/// "any", "rising", "falling". The way back throws InvalidArgument, with the nearest name, if there is none.
std::string name(Crossing crossing);
Crossing crossing_from_name(const std::string& name, const char* caller = "solve_event");

struct EventOptions {
  Crossing direction = Crossing::kAny;
  std::int64_t stop_after = 0;  // a sample's solve ends at its event of this number; 0: none ends it
};

}  // namespace costate

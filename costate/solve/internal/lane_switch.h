// Which of the two methods of "auto" each lane of a tile takes its steps by, and what became of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "costate/solve/control/stiffness_switch.h"

namespace costate::internal {

class LaneSwitch {
 public:
  explicit LaneSwitch(std::size_t lanes) : states_(lanes), is_explicit_(lanes), num_implicit_(lanes), times_(lanes) {}

  /// The lane begins a sample.
  void begin(std::size_t lane) {
    states_[lane] = StiffnessSwitch{};
    is_explicit_[lane] = 1;
    num_implicit_[lane] = 0;
    times_[lane].clear();
  }
  /// The lane's sample goes on with what another solve has left.
  void take_up(std::size_t lane, const StiffnessSwitch& state) {
    states_[lane] = state;
    is_explicit_[lane] = state.is_explicit ? 1 : 0;
  }
  const StiffnessSwitch& state(std::size_t lane) const { return states_[lane]; }
  /// All of a lane.
  void copy(std::size_t lane, const LaneSwitch& from, std::size_t from_lane) {
    states_[lane] = from.states_[from_lane];
    is_explicit_[lane] = from.is_explicit_[from_lane];
    num_implicit_[lane] = from.num_implicit_[from_lane];
    times_[lane] = from.times_[from_lane];
  }
  /// The lane's step was accepted, and ended at t.
  void advance(std::size_t lane, double t, double stiffness) {
    num_implicit_[lane] += is_explicit_[lane] == 0 ? 1 : 0;
    if (note_stiffness(states_[lane], stiffness)) times_[lane].push_back(t);
    is_explicit_[lane] = states_[lane].is_explicit ? 1 : 0;
  }

  /// [lane] whether its next step is explicit.
  const char* is_explicit() const { return is_explicit_.data(); }
  std::int64_t num_implicit(std::size_t lane) const { return num_implicit_[lane]; }
  /// When the lane went over to the other method: the implicit one first, and then in turn.
  std::span<const double> times(std::size_t lane) const { return times_[lane]; }

 private:
  std::vector<StiffnessSwitch> states_;
  std::vector<char> is_explicit_;
  std::vector<std::int64_t> num_implicit_;
  std::vector<std::vector<double>> times_;
};

}  // namespace costate::internal

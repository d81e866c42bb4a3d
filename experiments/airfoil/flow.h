// What the parts of the experiment share: a flow past numbers, and a minimization with the library's L-BFGS.
#pragma once

#include <cstdint>
#include <functional>
#include <numbers>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

inline constexpr double kDegree = std::numbers::pi / 180;

/// The part of the chord over which pressures are compared: beyond, that of a sharp edge jumps within a panel.
inline constexpr double kComparedChord = 0.98;

/// An outline with the flow past it.
struct FlowPast {
  HostArray points;              // [n + 1, 2]
  std::vector<double> pressure;  // [n + 1]
  double lift = 0;
};

/// By panels. Throws as check_outline.
FlowPast flow_past(const HostArray& points, double angle);

/// -Cp over x, the upper side and the lower one as one curve.
Curve pressure_curve(Curve style, const FlowPast& flow);
Curve outline_curve(const Curve& style, const FlowPast& flow);

/// Numbers as a batch of one.
HostArray batch_of_one(const HostArray& values);

/// The loss at a point with its gradient.
struct Slope {
  double loss = 0;
  HostArray gradient;
};

struct MinimizeOptions {
  int steps = 100;
  std::function<void(int step, const HostArray& x)> on_step = {};
};

/// Moves x by L-BFGS, for as many steps or until there is no lower point, and says how many it took.
int minimize(HostArray& x, const std::function<Slope(const HostArray& x)>& slope, const MinimizeOptions& options);

}  // namespace costate::experiments

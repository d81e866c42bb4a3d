// What the parts of the experiment share: a flow past numbers, and its pictures.
#pragma once

#include <cstdint>
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

}  // namespace costate::experiments

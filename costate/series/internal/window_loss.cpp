#include "costate/series/internal/window_loss.h"

#include <utility>
#include <vector>

namespace costate {

Array measured_part(const SeriesModel& model, const Array& states) {
  const std::int64_t n = states.shape()[0], all = states.shape()[1];
  const auto d = static_cast<std::int64_t>(model.num_measured());
  if (d == all) return states;
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t k = 0; k < d; ++k) positions.push_back(i * all + k);
  return gather(states, std::move(positions), {n, d});
}

Array window_start(const SeriesModel& model, const WindowParts& parts) {
  const Array start =
      parts.unmeasured.is_empty() ? parts.start : model.measured_start(parts.start, parts.unmeasured, parts.covariates);
  const Array hidden = model.hidden_start(start, parts.covariates);
  return (hidden.is_empty() ? start : concat({start, hidden})) + parts.shift;
}

WindowOutputs solve_window(const SeriesModel& model, Loss loss, std::span<const Array> arguments) {
  const WindowParts parts = window_parts(model, arguments);
  std::vector<Array> drive;
  if (!parts.inputs.is_empty()) drive = {parts.times, parts.inputs};
  if (model.has_events()) {
    drive.push_back(parts.event_times);
    for (const Array& amounts : {parts.amounts, parts.rates}) drive.push_back(model.moves(amounts, parts.covariates));
  }
  for (const Array& part : {parts.covariates, parts.phases})
    if (!part.is_empty()) drive.push_back(part);
  const Array z0 = window_start(model, parts);
  const std::int64_t knots = model.has_events() ? parts.event_times.shape()[0] : 0;
  const VectorField field = model.field(parts.times.shape()[0], knots);
  Array states = solve(field, z0, parts.times, model.solve_options(), drive);
  if (model.has_events()) states = states + model.moves(parts.before, parts.covariates);
  const Array measured = measured_part(model, states);
  Array targets = parts.targets, weights = parts.masks;
  if (!parts.sides.is_empty()) {
    // Where a target is a limit, whatever lies on its right side is its own target.
    targets = targets + parts.sides * relu(parts.sides * (measured - targets));
    weights = weights + square(parts.sides);
  }
  // A sample whose solve failed is NaN from there on: it counts no cells.
  const Array mask = weights * equal(measured, measured);
  return {loss_sum(loss, measured, targets, mask) + kStartWeight * sum(square(parts.shift)), sum(mask), states};
}

}  // namespace costate

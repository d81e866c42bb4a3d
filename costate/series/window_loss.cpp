#include "costate/series/window_loss.h"

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

WindowOutputs solve_window(const SeriesModel& model, Loss loss, std::span<const Array> arguments) {
  const Array &shift = arguments[0], &start = arguments[1], &times = arguments[2];
  const Array &targets = arguments[3], &masks = arguments[4];
  std::span<const Array> more = arguments.subspan(5);
  std::vector<Array> drive;
  if (!model.input_names().empty()) {
    drive = {times, more[0]};
    more = more.subspan(1);
  }
  drive.insert(drive.end(), more.begin(), more.end());
  const Array covariates = model.covariate_names().empty() ? Array() : more[0];
  const Array hidden = model.hidden_start(start, covariates);
  const Array z0 = (hidden.is_empty() ? start : concat({start, hidden})) + shift;
  const Array states = solve(model.field(times.shape()[0]), z0, times, model.options().solve, drive);
  const Array measured = measured_part(model, states);
  // A sample whose solve failed is NaN from there on: it counts no cells.
  const Array mask = masks * equal(measured, measured);
  return {loss_sum(loss, measured, targets, mask) + kStartWeight * sum(square(shift)), sum(mask), states};
}

}  // namespace costate

#include "costate/series/window_loss.h"

#include <utility>

#include "costate/train/losses.h"

namespace costate {

std::vector<ArgumentSpec> window_arguments(const WindowArrays& arrays) {
  const std::int64_t n = arrays.times.shape()[1], d = arrays.starts.shape()[1], m = arrays.inputs.shape()[2];
  std::vector<ArgumentSpec> arguments = {{"start", {d}}, {"times", {n}}, {"targets", {n, d}}, {"masks", {n, d}}};
  if (m > 0) arguments.push_back({"u", {n, m}});
  return arguments;
}

std::vector<HostArray> window_inputs(WindowArrays arrays, HostArray starts) {
  std::vector<HostArray> inputs = {std::move(starts), std::move(arrays.times), std::move(arrays.targets),
                                   std::move(arrays.masks)};
  if (arrays.inputs.shape()[2] > 0) inputs.push_back(std::move(arrays.inputs));
  return inputs;
}

WindowOutputs solve_window(const SeriesModel& model, std::span<const Array> arguments) {
  std::vector<Array> drive;
  if (arguments.size() > 4) drive = {arguments[1], arguments[4]};
  const Array states =
      solve(model.field(arguments[1].shape()[0]), arguments[0], arguments[1], model.config().solve_options(), drive);
  // A sample whose solve failed is NaN from there on: it counts no cells.
  const Array mask = arguments[3] * equal(states, states);
  return {loss_sum(model.config().loss, states, arguments[2], mask), sum(mask), states};
}

}  // namespace costate

#include "costate/models/driven_delays.h"

#include "costate/base/error.h"

namespace costate {
namespace {

const DrivenDelaysOptions& checked(const DrivenDelaysOptions& options) {
  if (options.delays < 1 || options.inputs < 1)
    throw InvalidArgument("[DrivenDelays] delays and inputs must be at least 1; got ", options.delays, " and ",
                          options.inputs, ".");
  return options;
}

}  // namespace

DrivenDelays::DrivenDelays(const DrivenDelaysOptions& options)
    : options_(checked(options)),
      net_({.inputs = options.delays * (1 + options.inputs),
            .hidden = options.hidden,
            .outputs = options.delays,
            .seed = options.seed}) {}

VectorField DrivenDelays::field(std::int64_t num_samples, Interpolation interpolation) const {
  return vector_field({options_.delays}, {{"u_times", {num_samples}}, {"u", {num_samples, options_.inputs}}},
                      [&](Array t, Array z, Array u_times, Array u) {
                        std::vector<Array> drives, parts = {z};
                        for (std::int64_t delay = 0; delay < options_.delays; ++delay)
                          drives.push_back(interpolate(u_times, u, t + static_cast<double>(delay), interpolation));
                        for (std::int64_t input = 0; input < options_.inputs; ++input)
                          for (const Array& drive : drives) parts.push_back(drive.slice(input, input + 1));
                        return options_.rate * net_(concat(parts));
                      });
}

}  // namespace costate

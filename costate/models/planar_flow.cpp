#include "costate/models/planar_flow.h"

#include "costate/base/error.h"
#include "costate/base/random.h"

namespace costate {
namespace {

const PlanarOptions& checked(const PlanarOptions& options) {
  if (options.dimension < 1 || options.count < 1)
    throw InvalidArgument("[PlanarFlow] dimension and count must be at least 1; got ", options.dimension, " and ",
                          options.count, ".");
  return options;
}

struct Draw {
  double deviation;
  std::uint64_t stream;
};

HostArray normal_values(const Shape& shape, std::uint64_t seed, const Draw& draw) {
  HostArray values(shape);
  for (std::int64_t i = 0; i < values.size(); ++i)
    values.set(i, draw.deviation * Random(seed).normal(draw.stream, static_cast<std::uint64_t>(i)));
  return values;
}

}  // namespace

PlanarFlow::PlanarFlow(const PlanarOptions& options) : count_(checked(options).count) {
  // Directions of every slope, but small steps along them: the flow starts near the identity.
  parameters_ = {{"planar.w", normal_values({options.count, options.dimension}, options.seed, {0.7, 0})},
                 {"planar.u", normal_values({options.count, options.dimension}, options.seed, {0.05, 1})},
                 {"planar.b", normal_values({options.count}, options.seed, {0.7, 2})}};
}

std::pair<Array, Array> PlanarFlow::operator()(Array z) const {
  Array log_det = constant(0.0);
  for (std::int64_t k = 0; k < count_; ++k) {
    const Array w = Array(parameters_[0])[k], u = Array(parameters_[1])[k], b = Array(parameters_[2])[k];
    const Array along = sum(w * u);
    const Array moved = u + (softplus(along) - 1.0 - along) * w / sum(square(w));
    const Array h = tanh(sum(w * z) + b);
    z = z + moved * h;
    log_det = log_det + log(1.0 + sum(moved * w) * (1.0 - square(h)));
  }
  return {z, log_det};
}

PlanarField::PlanarField(const PlanarOptions& options)
    : options_(checked(options)),
      hypernet_({.in = 1,
                 .hidden = {32, 32},
                 .out = options.count * (2 * options.dimension + 2),
                 .seed = options.seed,
                 .name = "hypernet"}) {}

Array PlanarField::operator()(const Array& t, const Array& z) const {
  const std::int64_t m = options_.count, d = options_.dimension;
  const Array numbers = hypernet_(reshape(t, {1}));
  const Array w = reshape(numbers.slice(0, m * d), {m, d}), u = reshape(numbers.slice(m * d, 2 * m * d), {m, d});
  const Array b = numbers.slice(2 * m * d, 2 * m * d + m),
              gate = sigmoid(numbers.slice(2 * m * d + m, 2 * m * d + 2 * m));
  return matmul(gate * tanh(matmul(w, z) + b), u);
}

}  // namespace costate

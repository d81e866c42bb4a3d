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

PlanarFlow::PlanarFlow(const PlanarOptions& options) : options_(checked(options)) {
  // Directions of every slope, but small steps along them: the flow starts near the identity.
  parameters_ = {{"planar.w", normal_values({options.count, options.dimension}, options.seed, {0.7, 0})},
                 {"planar.u", normal_values({options.count, options.dimension}, options.seed, {0.05, 1})},
                 {"planar.b", normal_values({options.count}, options.seed, {0.7, 2})}};
}

PlanarFlow::Layer PlanarFlow::layer(std::int64_t k) const {
  const Array w = Array(parameters_[0])[k], u = Array(parameters_[1])[k], along = sum(w * u);
  return {w, u + (softplus(along) - 1.0 - along) * w / sum(square(w)), Array(parameters_[2])[k]};
}

std::pair<Array, Array> PlanarFlow::operator()(Array z) const {
  Array log_det = constant(0.0);
  for (std::int64_t k = 0; k < options_.count; ++k) {
    const auto [w, u, b] = layer(k);
    const Array h = tanh(sum(w * z) + b);
    z = z + u * h;
    log_det = log_det + log(1.0 + sum(u * w) * (1.0 - square(h)));
  }
  return {z, log_det};
}

Array PlanarFlow::inverse(Array end) const {
  constexpr int kHalvings = 36;
  for (std::int64_t k = options_.count - 1; k >= 0; --k) {
    const auto [w, u, b] = layer(k);
    // a = w . z solves a + w . u tanh(a + b) = w . end, whose left side rises with a (ibid., appendix A.1).
    const Array target = sum(w * end), along = sum(w * u);
    Array low = target - abs(along), high = target + abs(along);
    for (int i = 0; i < kHalvings; ++i) {
      const Array middle = 0.5 * (low + high), is_low = middle + along * tanh(middle + b) < target;
      low = where(is_low, middle, low);
      high = where(is_low, high, middle);
    }
    end = end - u * tanh(0.5 * (low + high) + b);
  }
  return end;
}

PlanarField::PlanarField(const PlanarOptions& options)
    : options_(checked(options)),
      hypernet_({.inputs = 1,
                 .hidden = {32, 32},
                 .outputs = options.count * (2 * options.dimension + 2),
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

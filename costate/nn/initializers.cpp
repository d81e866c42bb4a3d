#include "costate/nn/initializers.h"

#include <cmath>

#include "costate/base/names.h"
#include "costate/base/random.h"

namespace costate {
namespace {

constexpr std::string_view kInitializers[] = {"glorot_uniform", "glorot_normal", "he_uniform",
                                              "he_normal",      "lecun_uniform", "lecun_normal",
                                              "torch_uniform",  "orthogonal",    "zeros"};

double variance(Init init, double fan_in, double fan_out) {
  switch (init) {
    case Init::kGlorotUniform:
    case Init::kGlorotNormal:
      return 2 / (fan_in + fan_out);
    case Init::kHeUniform:
    case Init::kHeNormal:
      return 2 / fan_in;
    case Init::kLecunUniform:
    case Init::kLecunNormal:
      return 1 / fan_in;
    case Init::kTorchUniform:
      return 1 / (3 * fan_in);
    case Init::kOrthogonal:
      return 1;
    case Init::kZeros:
      return 0;
  }
  throw InternalError("[initial_weights] no such initializer.");
}

bool is_uniform(Init init) {
  return init == Init::kGlorotUniform || init == Init::kHeUniform || init == Init::kLecunUniform ||
         init == Init::kTorchUniform;
}

void check(const Shape& shape) {
  if (shape.rank() != 2 || shape.size() < 1)
    throw ShapeError("[initial_weights] weights are a matrix [out, in] of at least one row and column; got ", shape,
                     ".");
}

/// Makes `count` vectors orthonormal by modified Gram-Schmidt, twice for orthogonality to rounding (Giraud et al.
/// 2005). Element i of vector v is at(v, i).
template <class At>
void orthonormalize(std::int64_t count, std::int64_t size, At at) {
  const auto dot = [&](std::int64_t u, std::int64_t v) {
    double sum = 0;
    for (std::int64_t i = 0; i < size; ++i) sum += at(u, i) * at(v, i);
    return sum;
  };
  for (std::int64_t v = 0; v < count; ++v) {
    for (int pass = 0; pass < 2; ++pass)
      for (std::int64_t u = 0; u < v; ++u) {
        const double projection = dot(u, v);
        for (std::int64_t i = 0; i < size; ++i) at(v, i) -= projection * at(u, i);
      }
    const double norm = std::sqrt(dot(v, v));
    for (std::int64_t i = 0; i < size; ++i) at(v, i) /= norm;
  }
}

}  // namespace

std::string name(Init init) { return spelling(init, kInitializers); }

Init init_from_name(const std::string& name) { return from_spelling<Init>("init", "initializer", name, kInitializers); }

HostArray initial_weights(Init init, const Shape& shape, const WeightSource& source) {
  check(shape);
  const std::int64_t out = shape[0], in = shape[1];
  const double deviation = std::sqrt(variance(init, static_cast<double>(in), static_cast<double>(out)));
  const Random random(source.seed);
  HostArray weights(shape);
  const auto values = weights.data<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double bound = std::sqrt(3.0) * deviation;  // a uniform number on (-b, b) has variance b^2 / 3
    values[i] = is_uniform(init) ? random.uniform(source.stream, i, -bound, bound)
                                 : deviation * random.normal(source.stream, i);
  }
  if (init != Init::kOrthogonal) return weights;
  const auto element = [&](std::int64_t row, std::int64_t column) -> double& {
    return values[static_cast<std::size_t>(row * in + column)];
  };
  if (out <= in)
    orthonormalize(out, in, element);
  else
    orthonormalize(in, out, [&](std::int64_t v, std::int64_t i) -> double& { return element(i, v); });
  return weights;
}

HostArray initial_bias(Init init, const Shape& weights, const WeightSource& source) {
  check(weights);
  HostArray bias(Shape{weights[0]});
  if (init != Init::kTorchUniform) return bias;
  const double bound = std::sqrt(1 / static_cast<double>(weights[1]));
  const auto behind_weights = static_cast<std::uint64_t>(weights.size());
  for (std::int64_t i = 0; i < bias.size(); ++i)
    bias.set(i,
             Random(source.seed).uniform(source.stream, behind_weights + static_cast<std::uint64_t>(i), -bound, bound));
  return bias;
}

}  // namespace costate

// A nonlinear field with all kinds of inputs, and gradients of its solves, for the tests of adjoints.
#pragma once

#include <cmath>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/numbers.h"

namespace costate {

/// A nonlinear field with an argument of each sample and a Parameter: z = (x, y), gain [1], rates [2].
struct Driven {
  std::int64_t width = 0;  // of a layer that makes an evaluation dear
  Parameter rates{"rates", HostArray::vector({0.7, 1.3})};

  VectorField field() const {
    return vector_field({2}, {{"gain", {1}}}, [this](Array t, Array z, Array gain) {
      const Array p(rates);
      HostArray weights(Shape{width, 2});
      for (std::int64_t i = 0; i < weights.size(); ++i) weights.set(i, std::sin(static_cast<double>(i)));
      if (width > 0) gain = gain + 0.1 * sum(tanh(matmul(constant(weights), z)));
      return concat({stack({z[1] * z[0] * -0.4 - p[0] * z[1] + gain[0] * sin(2.0 * t)}),
                     stack({z[0] - p[1] * tanh(z[1]) + t * p[0] * 0.3 * gain[0]})});
    });
  }

  static Numbers slope(double t, const Numbers& z, double gain, const Numbers& p) {
    return {-0.4 * z[0] * z[1] - p[0] * z[1] + gain * std::sin(2 * t),
            z[0] - p[1] * std::tanh(z[1]) + 0.3 * t * p[0] * gain};
  }
};

/// loss(z0, times, gain) = sum of weights · states, with weights that tell every number apart.
inline Function weighted_loss(const Driven& driven, std::int64_t num_times, const SolveOptions& options) {
  const VectorField field = driven.field();
  return trace(
      [&](Array z0, Array times, Array gain) {
        const Array states = solve(field, z0, times, options, std::span<const Array>(&gain, 1));
        Numbers weights;
        for (std::int64_t i = 0; i < 2 * num_times; ++i)
          weights.push_back(std::cos(1.0 + 1.7 * static_cast<double>(i)));
        return sum(states * constant(HostArray(Shape{num_times, 2}, weights)));
      },
      {{"z0", {2}}, {"times", {num_times}}, {"gain", {1}}});
}

/// Loss, then gradients of z0 [2], times [n], gain [1] and rates [2], all of one sample.
inline Numbers gradients_of(const Function& loss, const HostArray& z0, const HostArray& times, const HostArray& gain) {
  const RunResult result = compile(value_and_grad(loss)).run({z0, times, gain});
  Numbers all;
  for (const HostArray& output : result.outputs)
    for (std::int64_t i = 0; i < output.size(); ++i) all.push_back(output.at(i));
  return all;
}

struct OneSample {
  Numbers z0 = {0.8, -0.3}, times, gain = {0.9};

  Numbers numbers(const Driven& driven) const {
    Numbers x = z0;
    x.insert(x.end(), times.begin(), times.end());
    x.insert(x.end(), gain.begin(), gain.end());
    for (std::int64_t i = 0; i < 2; ++i) x.push_back(driven.rates.value().at(i));
    return x;
  }
};

/// Gradients of z0, times and gain [batch, …] and of the rates for a batch of different samples.
inline std::vector<HostArray> batch_gradients(const Driven& driven, const SolveOptions& options, std::int64_t batch,
                                              std::int64_t first, const CompileOptions& compile_options = {}) {
  HostArray z0(Shape{batch, 2}), times(Shape{batch, 4}), gain(Shape{batch, 1});
  for (std::int64_t b = 0; b < batch; ++b) {
    const double x = static_cast<double>(b + first);
    z0.set(2 * b, std::sin(x));
    z0.set(2 * b + 1, std::cos(2 * x));
    gain.set(b, 0.5 + 0.1 * std::sin(3 * x));
    for (std::int64_t i = 0; i < 4; ++i) times.set(4 * b + i, 0.1 * x / 40 + static_cast<double>(i) * (0.5 + 0.01 * x));
  }
  return compile(value_and_grad(weighted_loss(driven, 4, options)), compile_options).run({z0, times, gain}).outputs;
}

}  // namespace costate

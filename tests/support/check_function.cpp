#include "check_function.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/base/random.h"
#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/graph/print.h"

namespace costate::testing {
namespace {

HostArray draw(Shape shape, double low, double high, const Random& random, std::uint64_t stream) {
  HostArray array(std::move(shape));
  for (std::int64_t i = 0; i < array.size(); ++i)
    array.set(i, random.uniform(stream, static_cast<std::uint64_t>(i), low, high));
  return array;
}

HostArray sample_of(const HostArray& batch, const Shape& shape, std::int64_t row) {
  HostArray sample(shape);
  for (std::int64_t i = 0; i < shape.size(); ++i) sample.set(i, batch.at(row * shape.size() + i));
  return sample;
}

std::int64_t batch_of(const Function& function, const std::vector<HostArray>& inputs) {
  std::size_t next = 0;
  for (const Input& input : function.inputs()) {
    if (input.parameter) continue;
    if (input.kind == InputKind::kSample) return inputs[next].shape()[0];
    ++next;
  }
  return 1;
}

std::vector<HostArray> row_inputs(const Function& function, const std::vector<HostArray>& inputs, std::int64_t row) {
  std::vector<HostArray> sample;
  std::size_t next = 0;
  for (const Input& input : function.inputs()) {
    if (input.parameter)
      sample.push_back(input.parameter->value());
    else if (input.kind == InputKind::kShared)
      sample.push_back(inputs[next++]);
    else
      sample.push_back(sample_of(inputs[next++], input.shape, row));
  }
  return sample;
}

double dot(const HostArray& left, const HostArray& right) {
  double sum = 0;
  for (std::int64_t i = 0; i < left.size(); ++i) sum += left.at(i) * right.at(i);
  return sum;
}

HostArray moved(const HostArray& x, const HostArray& direction, double step) {
  HostArray result = x;
  for (std::int64_t i = 0; i < x.size(); ++i) result.set(i, x.at(i) + step * direction.at(i));
  return result;
}

}  // namespace

std::vector<HostArray> draw_inputs(const Function& function, std::int64_t batch, double low, double high,
                                   std::uint64_t seed) {
  std::vector<HostArray> inputs;
  for (const Input& input : function.inputs()) {
    if (input.parameter) continue;
    std::vector<std::int64_t> axes = input.shape.axes();
    if (input.kind == InputKind::kSample) axes.insert(axes.begin(), batch);
    inputs.push_back(draw(Shape(axes), low, high, Random(seed), inputs.size()));
  }
  return inputs;
}

std::vector<HostArray> interpret_batch(const Function& function, const std::vector<HostArray>& inputs) {
  const std::int64_t batch = batch_of(function, inputs);
  std::vector<HostArray> outputs;
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    std::vector<std::int64_t> axes = function.output_shape(i).axes();
    if (function.outputs()[i].kind == OutputKind::kSample) axes.insert(axes.begin(), batch);
    outputs.emplace_back(Shape(axes));
  }
  for (std::int64_t row = 0; row < batch; ++row) {
    const std::vector<HostArray> sample = interpret(function, row_inputs(function, inputs, row));
    for (std::size_t i = 0; i < sample.size(); ++i) {
      const bool is_sum = function.outputs()[i].kind == OutputKind::kSum;
      const std::int64_t start = is_sum ? 0 : row * sample[i].size();
      for (std::int64_t k = 0; k < sample[i].size(); ++k)
        outputs[i].set(start + k, sample[i].at(k) + (is_sum ? outputs[i].at(start + k) : 0.0));
    }
  }
  return outputs;
}

void check_execution(const Function& function, const std::vector<HostArray>& inputs, double tolerance) {
  const std::vector<HostArray> expected = interpret_batch(function, inputs);
  for (const std::size_t lanes : {std::size_t{0}, std::size_t{1}, std::size_t{8}}) {
    const Program program = compile(function, {.dtype = Dtype::kF64, .lanes = lanes});
    set_num_threads(1);
    const RunResult once = program.run(inputs);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(once.outputs[i].shape(), expected[i].shape()) << to_string(function);
      for (std::int64_t k = 0; k < expected[i].size(); ++k)
        ASSERT_NEAR(once.outputs[i].at(k), expected[i].at(k), tolerance * (1 + std::abs(expected[i].at(k))))
            << "output " << i << " element " << k << " lanes " << lanes << '\n'
            << to_string(function);
    }
    for (const int threads : {2, 7}) {
      set_num_threads(threads);
      const RunResult again = program.run(inputs);
      for (std::size_t i = 0; i < expected.size(); ++i)
        ASSERT_TRUE(again.outputs[i].same_bits(once.outputs[i])) << "output " << i << " with " << threads << " threads";
    }
    set_num_threads(0);
  }
}

void check_derivatives(const Function& function, const std::vector<HostArray>& inputs, double tolerance) {
  const std::vector<HostArray> at = row_inputs(function, inputs, 0);
  const Random random(99);
  std::vector<HostArray> forward = at, reverse = at, ahead = at, behind = at, directions, weights;
  constexpr double kStep = 1e-5;  // central differences: truncation 1e-10, rounding 1e-11 relative
  for (std::size_t i = 0; i < at.size(); ++i) {
    directions.push_back(draw(at[i].shape(), -1, 1, random, i));
    ahead[i] = moved(at[i], directions[i], kStep);
    behind[i] = moved(at[i], directions[i], -kStep);
  }
  for (std::size_t i = 0; i < function.outputs().size(); ++i)
    weights.push_back(draw(function.output_shape(i), -1, 1, random, 100 + i));
  forward.insert(forward.end(), directions.begin(), directions.end());
  reverse.insert(reverse.end(), weights.begin(), weights.end());
  const std::vector<HostArray> tangents = interpret(jvp(function), forward);
  const std::vector<HostArray> cotangents = interpret(vjp(function), reverse);
  const std::vector<HostArray> high = interpret(function, ahead), low = interpret(function, behind);
  double left = 0, right = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const HostArray& tangent = tangents[weights.size() + i];
    left += dot(weights[i], tangent);
    for (std::int64_t k = 0; k < tangent.size(); ++k)
      ASSERT_NEAR(tangent.at(k), (high[i].at(k) - low[i].at(k)) / (2 * kStep),
                  tolerance * (1 + std::abs(tangent.at(k))))
          << to_string(function);
  }
  for (std::size_t i = 0; i < at.size(); ++i) right += dot(cotangents[weights.size() + i], directions[i]);
  ASSERT_NEAR(left, right, 1e-12 * (1 + std::abs(left))) << to_string(function);
}

void check_two_orders(const Function& function, double tolerance) {
  check_derivatives(function, draw_inputs(function, 1, -1, 1, 8), tolerance);
  const Function slope = vjp(function);
  check_derivatives(slope, draw_inputs(slope, 1, -1, 1, 8), tolerance);
}

}  // namespace costate::testing

// Plans as text: what is fused, computed in place or only a view costs speed alone when it is lost, so that no test of
// numbers would see it. Each plan stands in plans/<name>.txt; COSTATE_UPDATE_PLANS=1 writes what lower() makes now.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "costate/diff/diff.h"
#include "costate/graph/convolution.h"
#include "costate/graph/simplify.h"
#include "costate/graph/trace.h"
#include "costate/operations/interpolate.h"
#include "costate/plan/plan.h"
#include "costate/plan/shared_tail.h"

namespace costate {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(COSTATE_SOURCE_DIR) / "tests/plan/plans";
constexpr std::size_t kLanes = 8;

/// A plan to keep: of the function for its lanes; of its vjp, with the cotangents late, if `reverse`.
struct Case {
  std::string name;
  std::string what;  // first line of the file
  Function function;
  std::size_t lanes = kLanes;
  std::vector<std::size_t> late_inputs = {};
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

Parameter weights(const std::string& name, const Shape& shape) { return Parameter(name, HostArray(shape)); }

/// Its vjp; the inputs after those of the function are cotangents.
Case reverse_of(std::string name, std::string what, const Function& function, std::size_t lanes = kLanes) {
  Case one{std::move(name), std::move(what), vjp(function), lanes, {}};
  for (std::size_t i = function.inputs().size(); i < one.function.inputs().size(); ++i) one.late_inputs.push_back(i);
  return one;
}

// Steps have names, since the order in which operands are evaluated, and so that of the nodes, is the compiler's
// choice.

Function layers(Array (*activation)(Operand)) {
  const Parameter w1 = weights("w1", {4, 3}), b1 = weights("b1", {4}), w2 = weights("w2", {2, 4}),
                  b2 = weights("b2", {2});
  return trace(
      [=](Array x) {
        const Array first_weights = w1, first_bias = b1, second_weights = w2, second_bias = b2;
        const Array hidden = activation(matmul(first_weights, x) + first_bias);
        return matmul(second_weights, hidden) + second_bias;
      },
      {{"x", {3}}});
}

Function views() {
  return trace(
      [](Array t, Array x) {
        const Array rest = reshape(x, {6}).slice(2, 5), last = x[1][2];
        const Array product = rest * t;
        return product + last;
      },
      {{"t", {}}, {"x", {2, 3}}});
}

Function concatenation() {
  return trace(
      [](Array x) {
        const Array front = exp(x.slice(0, 2)), all = sin(x), y = x[0], z = x[1];
        const Array product = y * z, back = stack({x[2]});
        return concat({front, all, product + back});
      },
      {{"x", {3}}});
}

Function columns() {
  return trace([](Array x, Array y) { return concat({x, y * y}, 1); }, {{"x", {2, 3}}, {"y", {2, 2}}});
}

Function pairs() {
  return trace(
      [p = weights("p", {3})](Array t, Array x, Array y) {
        const Array shared = p;
        const Array product = x * shared, sum = product + y;
        const Array other = x * y, difference = t - other;
        const Array of_shared = x - shared, last = y - of_shared;
        const Array outer = sum * difference;
        return outer + last;
      },
      {{"t", {}}, {"x", {3}}, {"y", {3}}});
}

Function made_weights() {
  return trace(
      [w = weights("w", {2, 3})](Array x, Array mask) {
        const Array own = w, factor = exp(mask), made = own * factor, scale = sum(mask);
        return matmul(made, x) * scale;
      },
      {{"x", {3}}, {"mask", {2, 3}, InputKind::kShared}});
}

Function masked() {
  return trace(
      [w = weights("w", {2, 3}), m = weights("m", {2, 3})](Array x) {
        const Array own = w, factor = exp(m);
        return tanh(matmul(own * factor, x));
      },
      {{"x", {3}}});
}

Function ratio() {
  return trace(
      [a = weights("a", {3})](Array x) {
        const Array factor = a, product = exp(x) * factor, top = sin(product), bottom = x + 2.0;
        return top / bottom;
      },
      {{"x", {3}}});
}

/// Two layers, the second of which reads the time as one more channel.
Function convolutions() {
  return trace(
      [w1 = weights("w1", {4, 2, 3, 3}), b1 = weights("b1", {4, 1, 1}), w2 = weights("w2", {2, 4, 3, 3}),
       t2 = weights("t2", {2, 1, 3, 3})](Array t, Array x) {
        const ConvOptions same{.padding = {1, 1}};
        const Array first = w1, bias = b1, second = w2, of_time = t2;
        const Array product = conv2d(x, first, same), hidden = relu(product + bias);
        const Array sum = conv2d(hidden, second, same), shared = conv2d(ones({1, 3, 3}), of_time, same);
        return sum + t * shared;
      },
      {{"t", {}}, {"x", {2, 3, 3}}});
}

Function tables() {
  return trace(
      [](Array t, Array x) {
        const Array moved = gather(x, {2, 0, 2, 1}, {2, 2}), turned = transpose(moved, {1, 0});
        const Array knots = constant(HostArray::vector({0, 1, 2})), values = reshape(x, {3, 1});
        const Array folded = sum(matmul(moved, turned), {1});
        return folded + interpolate(knots, values, t, Interpolation::kLinear);
      },
      {{"t", {}}, {"x", {3}}});
}

/// What split_shared_tail leaves to the samples.
Case samples_of(Case one) {
  one.function = internal::split_shared_tail(simplify(one.function)).value().samples;
  return one;
}

std::vector<Case> cases() {
  return {
      {"bias_chain", "A product with its bias and its activation is one instruction.", layers(tanh)},
      {"bias_chain_at_one_lane",
       "For one sample the features are in the vectors: each matrix is transposed once, in prepare.", layers(tanh), 1},
      {"views", "Slices, reshapes and broadcasts of scalars are no instructions.", views()},
      {"concat_in_place", "Parts that only the concatenation reads are computed where they will stand.",
       concatenation()},
      {"concat_of_columns", "Parts side by side in each row are copied, a row at a time.", columns()},
      {"pairs", "Sums and products are computed in pairs, with what is shared or of a lane as it is.", pairs()},
      {"weights_before_samples", "What weights are computed from is in prepare, once for all samples.", made_weights()},
      {"tables", "Rows moved and folded by tables, products lane by lane, and an extension.", tables()},
      {"convolutions",
       "A convolution takes its bias and activation along; its weights are packed, and what is convolved of constants "
       "is "
       "computed, once for all samples.",
       convolutions()},
      samples_of(reverse_of("convolution_gradients",
                            "Slopes go with the convolution that brings the cotangent; gradients of weights are summed "
                            "over the lanes, and behind split_shared_tail those that meet constants are not formed.",
                            convolutions())),
      reverse_of("tanh_slopes",
                 "The slope 1 - z² goes with the product that brings the cotangent; no outer product of a sample is "
                 "formed.",
                 layers(tanh)),
      reverse_of("relu_slopes_at_one_lane", "So does that of relu, for one sample.", layers(relu), 1),
      reverse_of("in_place_and_handed_over",
                 "Elementwise results overwrite operands that die; what accumulations read stays at the start of "
                 "scratch.",
                 ratio()),
      samples_of(reverse_of("shared_tail",
                            "Behind split_shared_tail the samples add up the gradient of the weight w exp(m), not "
                            "those of w and m.",
                            masked())),
  };
}

std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class Plans : public ::testing::TestWithParam<Case> {};

TEST_P(Plans, AreThoseOfTheirFiles) {
  const auto& [name, what, function, lanes, late_inputs] = GetParam();
  const std::string text =
      what + "\n\n" + to_string(internal::lower(function, {.lanes = lanes, .late_inputs = late_inputs}));
  const std::filesystem::path path = kFolder / (name + ".txt");
  if (std::getenv("COSTATE_UPDATE_PLANS") != nullptr) std::ofstream(path) << text;
  EXPECT_EQ(text, file_text(path))
      << "If the new plan is meant, COSTATE_UPDATE_PLANS=1 ctest --preset release -R Plans "
         "writes it to tests/plan/plans.";
}

INSTANTIATE_TEST_SUITE_P(Cases, Plans, ::testing::ValuesIn(cases()), [](const auto& row) { return row.param.name; });

TEST(PlanFiles, EachIsOfACase) {
  std::vector<std::string> names;
  for (const Case& one : cases()) names.push_back(one.name + ".txt");
  for (const auto& entry : std::filesystem::directory_iterator(kFolder))
    EXPECT_NE(std::find(names.begin(), names.end(), entry.path().filename()), names.end()) << entry.path();
}

}  // namespace
}  // namespace costate

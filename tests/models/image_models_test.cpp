// Models of images: how many weights they have, what their blocks are at the ends of their ranges, and a solve between
// any two layers.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/check/check_gradient.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/graph/softmax.h"
#include "costate/graph/trace.h"
#include "costate/models/image_norm.h"
#include "costate/models/models.h"
#include "costate/nn/join_parameters.h"
#include "costate/nn/nn.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

std::int64_t count(const std::vector<Parameter>& parameters) {
  std::int64_t numbers = 0;
  for (const Parameter& parameter : parameters) numbers += parameter.shape().size();
  return numbers;
}

/// A net that is quick to run: 14 x 15 images of two channels become maps of 3 x 3.
ImageClassifierOptions small(ClassifierKind kind) {
  return {
      .kind = kind, .image_channels = 2, .image_rows = 14, .image_columns = 15, .classes = 3, .channels = 4, .seed = 3};
}

HostArray logits(const ImageClassifier& net, const HostArray& images) {
  return compile(trace([&](Array image) { return net(image); }, {{"image", images.shape().without_first()}}))
      .run({images})
      .outputs[0];
}

HostArray some_images(std::int64_t batch) {
  HostArray images(Shape{batch, 2, 14, 15});
  for (std::int64_t i = 0; i < images.size(); ++i) images.set(i, std::sin(0.37 * static_cast<double>(i * i % 101)));
  return images;
}

TEST(ImageClassifier, HasTheParametersOfTheAuthors) {
  const struct {
    const char* kind;
    std::int64_t parameters;
  } rows[] = {{"mlp", 238510}, {"plain", 132874}, {"resnet", 576778}, {"rknet", 208266}, {"odenet", 208266}};
  for (const auto& [kind, parameters] : rows) {
    const ImageClassifier net({.kind = classifier_kind_from_name(kind)});
    EXPECT_EQ(count(net.parameters()), parameters) << kind;
    EXPECT_EQ(name(net.options().kind), kind);
  }
  EXPECT_EQ(count(ConvField({.channels = 64}).parameters()), 75392);
}

TEST(ImageClassifier, NetsOfOneSeedBeginAlike) {
  const ImageClassifier plain(small(ClassifierKind::kPlain)), resnet(small(ClassifierKind::kResNet)),
      odenet(small(ClassifierKind::kOdeNet));
  const auto value = [](const ImageClassifier& net, const std::string& name) {
    for (const Parameter& parameter : net.parameters())
      if (parameter.name() == name) return parameter.value();
    ADD_FAILURE() << name;
    return HostArray();
  };
  for (const char* name : {"classifier.downsampling.conv2.weight", "classifier.head.linear.weight"}) {
    EXPECT_TRUE(value(plain, name).same_bits(value(resnet, name)));
    EXPECT_TRUE(value(plain, name).same_bits(value(odenet, name)));
  }
}

TEST(ImageClassifier, DownsamplingTakes28RowsTo6) {
  const Downsampling layers({.inputs = 3, .channels = 4});
  const Function f = trace([&](Array x) { return layers(x); }, {{"x", {3, 28, 32}}});
  EXPECT_EQ(f.output_shape(0), (Shape{4, 6, 7}));
}

TEST(ImageClassifier, BlocksThatAddNothingLeaveThePlainNet) {
  const ImageClassifier plain(small(ClassifierKind::kPlain));
  const HostArray expected = logits(plain, some_images(3));
  for (const ClassifierKind kind : {ClassifierKind::kResNet, ClassifierKind::kRkNet, ClassifierKind::kOdeNet}) {
    const ImageClassifier net(small(kind));
    const HostArray with_block = logits(net, some_images(3));
    for (const Parameter& parameter : net.parameters()) {
      const bool is_of_block =
          parameter.name().find(".block") != std::string::npos || parameter.name().find(".field") != std::string::npos;
      if (is_of_block) parameter.set_value(HostArray(parameter.shape()));
    }
    const HostArray without = logits(net, some_images(3));
    double difference = 0;
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(without.at(i), expected.at(i), 1e-12) << name(kind);
      difference += std::abs(with_block.at(i) - expected.at(i));
    }
    EXPECT_GT(difference, 0.01) << name(kind);
  }
}

/// Loss and gradients by all Parameters of three images.
std::vector<HostArray> gradients(const ImageClassifierOptions& options) {
  const ImageClassifier net(options);
  const Function loss = trace([&](Array image, Array label) { return cross_entropy(net(image), label); },
                              {{"image", {2, 14, 15}}, {"label", {}}});
  return compile(value_and_grad(loss, net.parameters())).run({some_images(3), HostArray::vector({0, 2, 1})}).outputs;
}

TEST(ImageClassifier, BothAdjointsGiveTheGradient) {
  ImageClassifierOptions options = small(ClassifierKind::kRkNet);
  options.activation = Activation::kTanh;  // smooth, so that both converge with the tolerance
  options.solve.rtol = options.solve.atol = 1e-9;
  const std::vector<HostArray> through_steps = gradients(options);
  options.kind = ClassifierKind::kOdeNet;
  const std::vector<HostArray> by_adjoint = gradients(options);
  ASSERT_EQ(by_adjoint.size(), through_steps.size());
  bool has_same_bits = true;
  for (std::size_t i = 0; i < by_adjoint.size(); ++i) {
    for (std::int64_t k = 0; k < by_adjoint[i].size(); ++k)
      ASSERT_NEAR(by_adjoint[i].at(k), through_steps[i].at(k), 1e-6) << i;
    has_same_bits = has_same_bits && by_adjoint[i].same_bits(through_steps[i]);
  }
  EXPECT_FALSE(has_same_bits);
}

TEST(ImageClassifier, ItsGradientIsThatOfTangentsAndDifferences) {
  ImageClassifierOptions options = small(ClassifierKind::kRkNet);
  options.activation = Activation::kTanh;
  options.solve.rtol = options.solve.atol = 1e-7;
  const ImageClassifier net(options);
  const Function loss = trace([&](Array image) { return cross_entropy(net(image), 1.0); }, {{"image", {2, 14, 15}}});
  // Constants that a norm takes away again have a derivative of 0, of which only rounding would be compared.
  std::vector<std::size_t> wrt;
  for (std::size_t i = 0; i < loss.inputs().size(); ++i) {
    const std::string& name = loss.inputs()[i].name;
    const bool is_taken_away =
        name.ends_with("norm2.bias") || (name.ends_with(".bias") && name.find(".conv") != std::string::npos);
    if (!is_taken_away) wrt.push_back(i);
  }
  const GradientCheck check = check_gradient(loss, std::vector{some_images(1)}, {.wrt = wrt, .directions = 1});
  EXPECT_TRUE(check.ok) << check.text();
}

TEST(OdeBlock, StandsBetweenAnyTwoLayers) {
  // z' = z W^T over [0, 2] for W = [[0, 1], [-1, 0]]: a rotation by 2, between two maps of one's own.
  const Linear first({.inputs = 3, .outputs = 2, .source = {1, 0}}),
      last({.inputs = 2, .outputs = 1, .source = {1, 1}});
  const Parameter turn("turn", HostArray(Shape{2, 2}, std::vector<double>{0, 1, -1, 0}));
  const auto net = [&](const Array& x) {
    const auto field = [&](Array, Array z) { return matmul(turn, z); };
    return last(ode_block(field, tanh(first(x)), {.end = 2, .solve = {.rtol = 1e-10, .atol = 1e-12}}));
  };
  const auto closed = [&](const Array& x) {
    const Array z = tanh(first(x));
    const double c = std::cos(2.0), s = std::sin(2.0);
    return last(stack({c * z[0] + s * z[1], c * z[1] - s * z[0]}));
  };
  const std::vector<Parameter> parameters = join_parameters(first, last);
  const HostArray x(Shape{2, 3}, std::vector<double>{0.1, -0.4, 0.8, 1.2, 0.3, -0.5});
  const auto run = [&](auto form) {
    const Function loss = trace([&](Array in) { return sum(square(form(in))); }, {{"x", {3}}});
    return compile(value_and_grad(loss, parameters)).run({x}).outputs;
  };
  const std::vector<HostArray> found = run(net), expected = run(closed);
  for (std::size_t i = 0; i < found.size(); ++i)
    for (std::int64_t k = 0; k < found[i].size(); ++k) EXPECT_NEAR(found[i].at(k), expected[i].at(k), 1e-8);
}

TEST(OdeBlock, KeepsTheShapeOfImages) {
  const Function f = trace([](Array x) { return ode_block([](Array t, Array z) { return t * z; }, x, {.end = 1}); },
                           {{"x", {2, 3, 4}}});
  EXPECT_EQ(f.output_shape(0), (Shape{2, 3, 4}));
  HostArray x(Shape{1, 2, 3, 4});
  for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, static_cast<double>(i));
  const HostArray found = compile(f).run({x}).outputs[0];
  for (std::int64_t i = 0; i < x.size(); ++i)  // z exp(t^2 / 2), to the block's own tolerances
    EXPECT_NEAR(found.at(i), x.at(i) * std::exp(0.5), 1e-2 * (1 + x.at(i)));
}

TEST(ImageClassifier, ChannelsNeedNotBeMultiplesOf32) {
  EXPECT_EQ(image_norm(48, "norm").options().groups, 24);
  EXPECT_EQ(image_norm(64, "norm").options().groups, 32);
  EXPECT_EQ(image_norm(37, "norm").options().groups, 1);
  const ImageClassifier net({.channels = 48});
  EXPECT_EQ(trace([&](Array x) { return net(x); }, {{"x", {1, 28, 28}}}).output_shape(0), (Shape{10}));
}

TEST(ImageClassifier, BadOptionsAreNamed) {
  EXPECT_ERROR(ImageClassifier({.image_rows = 5}), InvalidArgument, "at least 6 rows and columns; got 5 and 28");
  EXPECT_ERROR(ImageClassifier({.image_channels = 0}), InvalidArgument, "got 0, 28 and 28");
  EXPECT_ERROR(ImageClassifier({.kind = ClassifierKind::kResNet, .blocks = 0}), InvalidArgument, "at least one block");
  EXPECT_ERROR(classifier_kind_from_name("resnets"), InvalidArgument, "did you mean 'resnet'");
  const ImageClassifier net(small(ClassifierKind::kMlp));
  EXPECT_ERROR(trace([&](Array x) { return net(x); }, {{"x", {2, 15, 14}}}), ShapeError,
               "an image of shape [2, 14, 15]; got [2, 15, 14]");
  EXPECT_ERROR(trace([](Array x) { return ode_block([](Array, Array z) { return z; }, x, {.end = 0}); }, {{"x", {2}}}),
               InvalidArgument, "the end must be finite and not 0; got 0");
}

}  // namespace
}  // namespace costate

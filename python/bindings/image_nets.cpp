// Layers and models of images.
#include "costate/models/classifier_head.h"
#include "costate/models/conv_field.h"
#include "costate/models/downsampling.h"
#include "costate/models/image_classifier.h"
#include "costate/models/ode_block.h"
#include "costate/models/residual_conv.h"
#include "costate/nn/convolution.h"
#include "costate/nn/normalization.h"
#include "python/bindings/bindings.h"
#include "python/bindings/fields.h"
#include "python/bindings/image_keywords.h"
#include "python/bindings/nets.h"

namespace costate::python {
namespace {

/// Where the weights of a layer, or the first of several, start.
template <class Options>
Keywords<Options> source_keywords() {
  return {option_at<Options>(
              "seed", [](auto& o) -> auto& { return o.source.seed; }, KeywordRole::kStart),
          option_at<Options>(
              "stream", [](auto& o) -> auto& { return o.source.stream; }, KeywordRole::kStart),
          option("name", &Options::name)};
}

template <class O>
Keywords<O> conv_layer_keywords_of(const Keyword<O>& kernel, const Keywords<O>& convolution) {
  const Keywords<O> sizes = {required("inputs", &O::inputs), required("outputs", &O::outputs), kernel};
  const Keywords<O> weights = {option("bias", &O::bias), choice("init", &O::init, init_from_name, KeywordRole::kStart)};
  return joined(joined(joined(sizes, convolution), weights), source_keywords<O>());
}

Keywords<Conv2dOptions> conv_layer_keywords() {
  using O = Conv2dOptions;
  return conv_layer_keywords_of(pair("kernel", &O::kernel, KeywordRole::kRequired),
                                of_member(conv_keywords(), &O::convolution));
}

Keywords<Conv1dOptions> series_conv_layer_keywords() {
  using O = Conv1dOptions;
  return conv_layer_keywords_of(required("kernel", &O::kernel), of_member(series_conv_keywords(), &O::convolution));
}

Keywords<GroupNormOptions> group_norm_keywords() {
  using O = GroupNormOptions;
  return {required("groups", &O::groups), required("channels", &O::channels), option("eps", &O::eps),
          option("name", &O::name)};
}

Keywords<LayerNormOptions> layer_norm_keywords() {
  using O = LayerNormOptions;
  Keyword<O> shape = required("shape", &O::shape);
  shape.annotation = "int | collections.abc.Sequence[int]";
  shape.set = [](O& options, nb::handle value) {
    std::int64_t length = 0;
    options.shape = nb::try_cast(value, length) ? std::vector{length} : argument_as<std::vector<std::int64_t>>(value);
  };
  return {shape, option("eps", &O::eps), option("name", &O::name)};
}

Keywords<DownsamplingOptions> downsampling_keywords() {
  using O = DownsamplingOptions;
  return joined({option("inputs", &O::inputs), option("channels", &O::channels)}, source_keywords<O>());
}

Keywords<ConvFieldOptions> conv_field_keywords() {
  using O = ConvFieldOptions;
  return joined({option("channels", &O::channels), choice("activation", &O::activation, activation_from_name)},
                source_keywords<O>());
}

Keywords<ResidualConvOptions> residual_conv_keywords() {
  using O = ResidualConvOptions;
  return joined({option("channels", &O::channels)}, source_keywords<O>());
}

Keywords<ClassifierHeadOptions> head_keywords() {
  using O = ClassifierHeadOptions;
  return joined({option("channels", &O::channels), option("classes", &O::classes)}, source_keywords<O>());
}

Keywords<ImageClassifierOptions> classifier_keywords() {
  using O = ImageClassifierOptions;
  return joined({choice("kind", &O::kind, classifier_kind_from_name, KeywordRole::kRequired),
                 option("image_channels", &O::image_channels), option("image_rows", &O::image_rows),
                 option("image_columns", &O::image_columns), option("classes", &O::classes),
                 option("hidden", &O::hidden), option("channels", &O::channels), option("blocks", &O::blocks),
                 choice("activation", &O::activation, activation_from_name),
                 option("seed", &O::seed, KeywordRole::kStart), option("name", &O::name)},
                of_member(solve_keywords(), &O::solve));
}

Keywords<OdeBlockOptions> block_keywords() {
  using O = OdeBlockOptions;
  return joined({option("end", &O::end)}, of_member(solve_keywords(), &O::solve));
}

/// A net that is called with x.
template <class Net, class Options>
void bind_map(nb::module_& module, const char* name, const Keywords<Options>& keywords, const char* doc,
              const char* call_doc) {
  bind_net<Net>(module, name, keywords, doc)
      .def(
          "__call__", [](const Net& net, nb::handle x) { return net(to_array(x)); }, nb::arg("x"), call_doc);
}

/// A net that is called with t and x.
template <class Net, class Options>
void bind_timed_map(nb::module_& module, const char* name, const Keywords<Options>& keywords, const char* doc,
                    const char* call_doc) {
  bind_net<Net>(module, name, keywords, doc)
      .def(
          "__call__", [](const Net& net, nb::handle t, nb::handle x) { return net(to_array(t), to_array(x)); },
          nb::arg("t"), nb::arg("x"), call_doc);
}

constexpr const char* kSource = R"(
seed, stream  of the numbers that the weights are drawn from.
name     begins the names of the Parameters.)";

void bind_convolution_layers(nb::module_& module) {
  const std::string channels = "\n\ninputs, outputs  channels.", weights = R"(
groups   of channels that are convolved by themselves.
bias     whether there is one.
init     of the weights: 'torch_uniform', PyTorch's, under which the bias is drawn, too, or one of Linear's.)";
  const std::string options =
      channels + "\nkernel   rows and columns: one integer, or two, as for stride, padding and dilation." + weights;
  bind_map<Conv2d>(
      module, "Conv2d", conv_layer_keywords(),
      text::concat("A convolution plus a bias, with the Parameters '<name>.weight' [outputs, inputs / "
                   "groups, rows, columns] and '<name>.bias'\n[outputs], as torch.nn.Conv2d has them.",
                   options, kSource)
          .c_str(),
      "Inside a trace: x [inputs, rows, columns] -> [outputs, rows, columns]. ShapeError if x does not fit.");
  bind_map<Conv1d>(
      module, "Conv1d", series_conv_layer_keywords(),
      text::concat("Conv2d along one axis, as torch.nn.Conv1d: the Parameters are '<name>.weight' [outputs, inputs / "
                   "groups, kernel] and '<name>.bias'\n[outputs].",
                   channels, "\nkernel   places.", weights, kSource)
          .c_str(),
      "Inside a trace: x [inputs, length] -> [outputs, length]. ShapeError if x does not fit.");
  bind_timed_map<ConcatConv2d>(
      module, "ConcatConv2d", conv_layer_keywords(),
      text::concat(
          "The convolution of t beside x, t being one more channel before those of x (Chen et al. 2018, "
          "odenet_mnist.py), without a map\nfull of t: the Parameters are '<name>.weight' [outputs, 1 + inputs, "
          "rows, columns] and '<name>.bias' [outputs].",
          options, kSource)
          .c_str(),
      "Inside a trace: t [] and x [inputs, rows, columns] -> [outputs, rows, columns].");
}

void bind_norm_layers(nb::module_& module) {
  bind_map<GroupNorm>(
      module, "GroupNorm", group_norm_keywords(),
      R"(group_norm(x) times a weight plus a bias for each channel, the Parameters '<name>.weight' and '<name>.bias' [channels].

groups    of neighbouring channels, each with a mean and a variance of its own.
channels  of x.
eps       is added to variances.
name      begins the names of the Parameters.)",
      "Inside a trace: x [channels, ...], in its shape.");
  bind_map<LayerNorm>(
      module, "LayerNorm", layer_norm_keywords(),
      R"(layer_norm(x) over the last axes times a weight plus a bias, the Parameters '<name>.weight' and '<name>.bias'.

shape  of these axes, and of the Parameters: an integer or a list.
eps    is added to variances.
name   begins the names of the Parameters.)",
      "Inside a trace: x whose last axes are those of the layer, in its shape.");
}

void bind_blocks(nb::module_& module) {
  bind_map<Downsampling>(
      module, "Downsampling", downsampling_keywords(),
      text::concat(
          R"(Feature maps of an image (Chen et al. 2018, odenet_mnist.py): conv 3x3; norm, relu, conv 4x4 of stride 2; the same once more.

inputs   channels of the image.
channels of the maps.)",
          kSource)
          .c_str(),
      "Inside a trace: x [inputs, rows, columns] -> [channels, a quarter of the rows, of the columns].");
  bind_timed_map<ConvField>(
      module, "ConvField", conv_field_keywords(),
      text::concat(
          R"(The right-hand side of an ODE-Net (Chen et al. 2018, odenet_mnist.py): norm, relu, ConcatConv2d, norm, relu, ConcatConv2d, norm.

channels    of the feature maps.
activation  in place of relu, as those of Mlp.)",
          kSource)
          .c_str(),
      "Inside a trace: dx/dt at t [] and x [channels, rows, columns], in the shape of x.");
  bind_map<ResidualConv>(
      module, "ResidualConv", residual_conv_keywords(),
      text::concat(R"(x + conv(relu(norm(conv(relu(norm(x)))))), the pre-activation block of He et al., ECCV 2016.

channels of the feature maps.)",
                   kSource)
          .c_str(),
      "Inside a trace: x [channels, rows, columns], in its shape.");
  bind_map<ClassifierHead>(module, "ClassifierHead", head_keywords(),
                           text::concat(R"(Logits of feature maps: norm, relu, the mean of each map, linear.

channels of the feature maps.
classes  that are told apart.)",
                                        kSource)
                               .c_str(),
                           "Inside a trace: x [channels, rows, columns] -> [classes].");
}

void bind_image_classifier(nb::module_& module) {
  bind_map<ImageClassifier>(
      module, "ImageClassifier", classifier_keywords(),
      R"(The classifiers of Table 1 of Chen et al. 2018, and the one without a block. Nets of one seed begin alike where they are.

kind     'mlp': one hidden layer; 'plain': Downsampling, ClassifierHead; 'resnet': residual blocks between these; 'odenet':
         a solve of a ConvField between them, over [0, 1]; 'rknet': the same, its gradient through all steps.
image_channels, image_rows, image_columns  of an image.
classes  that are told apart.
hidden   units of the mlp.
channels of the feature maps of the others.
blocks   of the resnet.
activation  in the ConvField.
seed     of the numbers that the weights are drawn from.
name     begins the names of the Parameters.

The keywords of solve, such as rtol and adjoint, are taken, too.)",
      "Inside a trace: the logits [classes] of an image [channels, rows, columns].");
  const std::string signature = text::concat("def ode_block(field: collections.abc.Callable, x: object",
                                             parameters_of(block_keywords()), ") -> ", name_of<Array>());
  module.def(
      "ode_block",
      [](const nb::callable& field, nb::handle x, const nb::kwargs& options) {
        return ode_block(to_function(field), to_array(x), from_keywords(block_keywords(), options));
      },
      nb::arg("field"), nb::arg("x"), nb::arg("options"), nb::sig(signature.c_str()),
      R"(A solve as a layer, inside a trace: z(end) of z' = field(t, z), z(0) = x, in the shape of x.

field  a callable on Arrays, such as a ConvField; it may use any Parameter or Array of the trace.
x      of any shape.
end    the time of the result.

The keywords of solve, such as rtol and adjoint, are taken, too; with gradient_steps='off' the loss is of the net that the steps
make, and they are the same with and without a gradient.)");
}

}  // namespace

void bind_image_nets(nb::module_& module) {
  bind_convolution_layers(module);
  bind_norm_layers(module);
  bind_blocks(module);
  bind_image_classifier(module);
}

}  // namespace costate::python

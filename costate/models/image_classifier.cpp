#include "costate/models/image_classifier.h"

#include <algorithm>
#include <optional>

#include "costate/base/names.h"
#include "costate/models/classifier_head.h"
#include "costate/models/conv_field.h"
#include "costate/models/downsampling.h"
#include "costate/models/ode_block.h"
#include "costate/models/residual_conv.h"
#include "costate/nn/mlp.h"

namespace costate {
namespace {

constexpr std::string_view kNames[] = {"mlp", "plain", "resnet", "rknet", "odenet"};
constexpr std::size_t kNoLimit = std::size_t{1} << 40;  // bytes
constexpr std::int64_t kSmallestImage = 6;              // of which the downsampling leaves one number
// Streams of the seed.
constexpr std::uint64_t kDownsampling = 0, kHead = 3, kBlocks = 4;

void check(const ImageClassifierOptions& options) {
  if (options.image_channels < 1 || options.image_rows < 1 || options.image_columns < 1)
    throw InvalidArgument("[ImageClassifier] images need at least one channel, row and column; got ",
                          options.image_channels, ", ", options.image_rows, " and ", options.image_columns, ".");
  if (options.kind == ClassifierKind::kMlp) return;
  if (std::min(options.image_rows, options.image_columns) < kSmallestImage)
    throw InvalidArgument("[ImageClassifier] the downsampling needs images of at least ", kSmallestImage,
                          " rows and columns; got ", options.image_rows, " and ", options.image_columns, ".");
  if (options.kind == ClassifierKind::kResNet && options.blocks < 1)
    throw InvalidArgument("[ImageClassifier] a resnet needs at least one block; got ", options.blocks, ".");
}

}  // namespace

std::string name(ClassifierKind kind) { return spelling(kind, kNames); }

ClassifierKind classifier_kind_from_name(const std::string& name) {
  return from_spelling<ClassifierKind>("ImageClassifier", "classifier", name, kNames);
}

struct ImageClassifier::Layers {
  std::optional<Mlp> mlp = {};
  std::optional<Downsampling> downsampling = {};
  std::vector<ResidualConv> blocks = {};
  std::optional<ConvField> field = {};
  std::optional<ClassifierHead> head = {};
  std::vector<Parameter> parameters = {};

  explicit Layers(const ImageClassifierOptions& options) {
    if (options.kind == ClassifierKind::kMlp) {
      add_mlp(options);
      return;
    }
    downsampling.emplace(DownsamplingOptions{.inputs = options.image_channels,
                                             .channels = options.channels,
                                             .source = {options.seed, kDownsampling},
                                             .name = options.name + ".downsampling"});
    add(*downsampling);
    add_blocks(options);
    head.emplace(ClassifierHeadOptions{.channels = options.channels,
                                       .classes = options.classes,
                                       .source = {options.seed, kHead},
                                       .name = options.name + ".head"});
    add(*head);
  }

  void add_mlp(const ImageClassifierOptions& options) {
    mlp.emplace(MlpOptions{.inputs = options.image_channels * options.image_rows * options.image_columns,
                           .hidden = {options.hidden},
                           .outputs = options.classes,
                           .activation = Activation::kRelu,
                           .init = Init::kTorchUniform,
                           .seed = options.seed,
                           .name = options.name + ".mlp"});
    add(*mlp);
  }

  void add_blocks(const ImageClassifierOptions& options) {
    if (options.kind == ClassifierKind::kPlain) return;
    if (options.kind != ClassifierKind::kResNet) {
      field.emplace(ConvFieldOptions{.channels = options.channels,
                                     .activation = options.activation,
                                     .source = {options.seed, kBlocks},
                                     .name = options.name + ".field"});
      return add(*field);
    }
    for (std::int64_t i = 0; i < options.blocks; ++i) {
      blocks.emplace_back(ResidualConvOptions{.channels = options.channels,
                                              .source = {options.seed, kBlocks + 2 * static_cast<std::uint64_t>(i)},
                                              .name = options.name + ".block" + std::to_string(i)});
      add(blocks.back());
    }
  }

  template <class Layer>
  void add(const Layer& layer) {
    parameters.insert(parameters.end(), layer.parameters().begin(), layer.parameters().end());
  }
};

ImageClassifier::ImageClassifier(const ImageClassifierOptions& options) : options_(options) {
  check(options);
  layers_ = std::make_shared<const Layers>(options);
}

const std::vector<Parameter>& ImageClassifier::parameters() const { return layers_->parameters; }

SolveOptions ImageClassifier::solve_options() const {
  SolveOptions solve = options_.solve;
  if (options_.kind == ClassifierKind::kRkNet) {
    solve.adjoint = Adjoint::kDiscrete;
    solve.memory_budget = kNoLimit;
  }
  return solve;
}

Array ImageClassifier::operator()(const Array& image) const {
  const Shape expected{options_.image_channels, options_.image_rows, options_.image_columns};
  if (!(image.shape() == expected))
    throw ShapeError("[ImageClassifier] takes an image of shape ", expected, "; got ", image.shape(), ".");
  if (layers_->mlp) return (*layers_->mlp)(reshape(image, {expected.size()}));
  Array maps = (*layers_->downsampling)(image);
  for (const ResidualConv& block : layers_->blocks) maps = block(maps);
  if (layers_->field) maps = ode_block(*layers_->field, maps, {.solve = solve_options()});
  return (*layers_->head)(maps);
}

}  // namespace costate

// The classifiers of Table 1 of Chen et al. 2018, as odenet_mnist.py of the authors has them, and the net without a
// block, beside which the others show what the block does. For images [1, 28, 28] and 64 channels:
//
//     mlp       image -> 300 relu units -> logits                                            238,510 parameters
//     plain     downsampling -> head                                                         132,874
//     resnet    downsampling -> six residual blocks -> head                                  576,778
//     rknet     downsampling -> ODE block, its gradient through all steps -> head            208,266
//     odenet    the same by the adjoint that the options name, the paper's `backsolve` unless they do
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "costate/graph/array.h"
#include "costate/nn/activations.h"
#include "costate/solve/options.h"

namespace costate {

enum class ClassifierKind { kMlp, kPlain, kResNet, kRkNet, kOdeNet };

/// "mlp", "plain", "resnet", "rknet", "odenet".
std::string name(ClassifierKind kind);
/// InvalidArgument, with the nearest name, if there is none.
ClassifierKind classifier_kind_from_name(const std::string& name);

struct ImageClassifierOptions {
  ClassifierKind kind = ClassifierKind::kOdeNet;
  std::int64_t image_channels = 1;
  std::int64_t image_rows = 28;
  std::int64_t image_columns = 28;
  std::int64_t classes = 10;
  std::int64_t hidden = 300;                  // units of the mlp
  std::int64_t channels = 64;                 // of the feature maps of the others
  std::int64_t blocks = 6;                    // of the resnet
  Activation activation = Activation::kRelu;  // within the ODE block
  // Without the gradient guard, as in OdeBlockOptions.
  SolveOptions solve = {
      .rtol = 1e-3, .atol = 1e-3, .adjoint = Adjoint::kBacksolve, .gradient_steps = GradientSteps::kOff};
  std::uint64_t seed = 0;
  std::string name = "classifier";
};

/// Nets of one seed begin with the same weights where they are the same: in the downsampling, the head and the field.
class ImageClassifier {
 public:
  /// InvalidArgument for options out of range, and for images that the downsampling would leave nothing of.
  explicit ImageClassifier(const ImageClassifierOptions& options);

  /// An image [image_channels, image_rows, image_columns] -> logits [classes]. ShapeError if it has another shape.
  Array operator()(const Array& image) const;
  const ImageClassifierOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const;

  /// The options with which its ODE block is solved: for rknet, those of the options with the discrete adjoint and no
  /// limit to its memory.
  SolveOptions solve_options() const;

 private:
  struct Layers;
  ImageClassifierOptions options_;
  std::shared_ptr<const Layers> layers_;
};

}  // namespace costate

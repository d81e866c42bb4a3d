// Images, and nets trained on them: what the experiments with ODE-Nets share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "experiments/experiment.h"

namespace costate::experiments {

/// Images with pixels in [0, 1].
struct Images {
  std::string name;
  ImageSet set;
  bool is_default = false;  // Fashion-MNIST: what limits were set for
  bool may_flip = false;    // whether an image and its mirror image show the same
};

/// The images of the folder that the request names, MNIST in IDX form or CIFAR-10 in its binary form, or else of
/// Debian's dataset-fashion-mnist. InvalidArgument if they are not there.
ImageSet read_set(const Request& request);

/// How many images are used.
struct ImageCounts {
  std::int64_t train, test;
};

/// The first images of read_set. DataError if it has fewer.
Images read_images(const Request& request, const ImageCounts& counts);

/// A net for such images: the options but for the images' shape.
ImageClassifier make_net(const Images& images, ImageClassifierOptions options);

/// How a net is trained: by SGD with momentum 0.9, on mirror images too where these show the same. odenet_mnist.py of
/// Chen et al. 2018 also shifts images by up to 4 pixels and trains for 160 epochs; over a few epochs shifts leave a
/// net with errors that it makes on training images, too. Its rate of 0.1 falls in three steps there; here half a
/// cosine wastes none of the epochs.
struct ImageTraining {
  std::int64_t epochs = 8;
  std::size_t batch = 64;
  double rate = 0.1;  // at first; a hundredth in the end
  std::uint64_t seed = 0;
  std::function<void(const HistoryRow&)> on_epoch = {};
};

/// Trains it. After each epoch the history's validation_loss is the share of the test images that is misclassified,
/// which chooses nothing.
TrainResult train_net(const ImageClassifier& net, const Images& images, const ImageTraining& training);

/// The net as fit_classifier and ClassifierScorer take it.
Classifier classifier_of(const ImageClassifier& net);

/// Cross-entropy and its gradient by the net's Parameters; inputs: an image, and its class as a unit vector.
Function gradient_of(const ImageClassifier& net);

/// Classes [n], numbers 0 … classes - 1, as unit vectors [n, classes], f64. DataError for another number.
HostArray one_hot(const HostArray& labels, std::int64_t classes);

/// How many rows of logits [n, classes] are largest at another class than that of one_hot [n, classes]. ShapeError if
/// the shapes differ.
std::int64_t num_misclassified(const HostArray& logits, const HostArray& one_hot);

/// A batch for gradient_of.
std::vector<HostArray> images_and_classes(const LabelledInputs& samples);

}  // namespace costate::experiments

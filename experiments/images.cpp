#include "experiments/images.h"

#include <algorithm>
#include <cmath>

namespace costate::experiments {
namespace {

/// The first images, in [0, 1].
LabelledInputs first_of(const LabelledInputs& part, std::int64_t count) {
  if (part.count() < count)
    throw DataError("[reproduce] there must be ", count, " images of a kind; got ", part.count(),
                    ". Is a file cut short?");
  LabelledInputs first = part.slice(0, count);
  for (float& pixel : first.inputs.data<float>()) pixel /= 255;
  return first;
}

}  // namespace

ImageSet read_set(const Request& request) {
  const std::filesystem::path folder = request.data.empty() ? "/usr/share/datasets/fashion-mnist" : request.data;
  if (!has_image_set(folder))
    throw InvalidArgument("[reproduce] '", folder.string(),
                          "' has no images; install Debian's dataset-fashion-mnist, or give the folder of MNIST's or "
                          "CIFAR-10's files with --data DIR.");
  return read_image_set(folder);
}

Images read_images(const Request& request, const ImageCounts& counts) {
  const ImageSet set = read_set(request);
  const bool is_default = request.data.empty(), is_cifar = set.train.inputs.shape()[1] == 3;
  return {.name = is_default ? "Fashion-MNIST"
                  : is_cifar ? "CIFAR-10"
                             : request.data.string(),
          .set = {.train = first_of(set.train, counts.train), .test = first_of(set.test, counts.test)},
          .is_default = is_default,
          .may_flip = is_default || is_cifar};  // others in IDX form are digits or letters
}

ImageClassifier make_net(const Images& images, ImageClassifierOptions options) {
  const Shape& shape = images.set.train.inputs.shape();
  options.image_channels = shape[1];
  options.image_rows = shape[2];
  options.image_columns = shape[3];
  options.classes = kImageClasses;
  return ImageClassifier(options);
}

TrainResult train_net(const ImageClassifier& net, const Images& images, const ImageTraining& training) {
  const HostArray& all = images.set.train.inputs;
  const AugmentationOptions augmentation{.shift = 0, .flip = images.may_flip, .seed = training.seed};
  return fit_classifier(classifier_of(net), images.set.train,
                        {.train = {.epochs = training.epochs,
                                   .batch = training.batch,
                                   .seed = training.seed,
                                   .optimizer = {.kind = OptimizerKind::kSgd, .momentum = 0.9},
                                   .schedule = {.kind = ScheduleKind::kCosine, .base = training.rate},
                                   .keep = Keep::kLast,
                                   .on_epoch = training.on_epoch},
                         .inputs =
                             [&](const Batch& batch) {
                               return augmented(take_rows(all, batch.samples), batch.samples, batch.epoch,
                                                augmentation);
                             },
                         .held = images.set.test});
}

Classifier classifier_of(const ImageClassifier& net) {
  return {.logits = [net](const Array& image) { return net(image); }, .parameters = net.parameters()};
}

Function gradient_of(const ImageClassifier& net) {
  const ImageClassifierOptions& options = net.options();
  const Function loss = trace(
      [&](Array image, Array one_hot) { return cross_entropy(net(image), one_hot); },
      {{"image", {options.image_channels, options.image_rows, options.image_columns}}, {"class", {kImageClasses}}});
  return value_and_grad(loss, net.parameters());
}

HostArray one_hot(const HostArray& labels, std::int64_t classes) {
  HostArray vectors(Shape{labels.size(), classes});
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    const double label = labels.at(i);
    if (!(label >= 0 && label < static_cast<double>(classes)) || std::floor(label) != label)
      throw DataError("[one_hot] labels must be whole numbers from 0 to ", classes - 1, "; number ", i, " is ", label,
                      ".");
    vectors.set({i, static_cast<std::int64_t>(label)}, 1);
  }
  return vectors;
}

std::int64_t num_misclassified(const HostArray& logits, const HostArray& one_hot) {
  if (!(logits.shape() == one_hot.shape()) || logits.shape().rank() != 2)
    throw ShapeError("[num_misclassified] logits and classes must be of one shape [n, classes]; got ", logits.shape(),
                     " and ", one_hot.shape(), ".");
  std::int64_t wrong = 0;
  for (std::int64_t i = 0; i < logits.shape()[0]; ++i) {
    const std::vector<double> row = logits.row(i);
    const auto best = std::max_element(row.begin(), row.end()) - row.begin();
    wrong += one_hot(i, best) == 0 ? 1 : 0;
  }
  return wrong;
}

std::vector<HostArray> images_and_classes(const LabelledInputs& samples) {
  return {samples.inputs, one_hot(samples.labels, kImageClasses)};
}

}  // namespace costate::experiments

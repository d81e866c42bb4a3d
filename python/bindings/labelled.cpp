// Inputs with their classes: what classifiers learn from, image files, and images that are moved.
#include <nanobind/stl/filesystem.h>

#include <cmath>
#include <filesystem>
#include <vector>

#include "costate/array/labelled_inputs.h"
#include "costate/base/error.h"
#include "costate/data/augmentation.h"
#include "costate/io/images.h"
#include "python/bindings/bindings.h"
#include "python/bindings/keywords.h"

namespace costate::python {
namespace {

/// Whether it is a whole number from 0 on, that any integer of a program can hold.
bool is_count(double number) { return number >= 0 && number <= 1e9 && std::floor(number) == number; }

/// Labels that are no whole numbers would not be seen any more once they are integers of NumPy.
LabelledInputs make_labelled(nb::handle inputs, nb::handle labels) {
  LabelledInputs made{.inputs = to_host(inputs), .labels = to_host(labels).astype(Dtype::kF64)};
  const Shape &shape = made.inputs.shape(), &of_labels = made.labels.shape();
  if (shape.rank() == 0 || of_labels.rank() != 1 || shape[0] != of_labels[0])
    throw ShapeError("[LabelledInputs] there must be a label for each input, [sample, ...] and [sample]; got inputs ",
                     shape, " and labels ", of_labels, ".");
  for (std::int64_t i = 0; i < made.count(); ++i)
    if (!is_count(made.labels.at(i)))
      throw DataError("[LabelledInputs] labels must be whole numbers from 0 on; that of sample ", i, " is ",
                      made.labels.at(i), ".");
  return made;
}

std::vector<std::int64_t> labels_of(const LabelledInputs& data) {
  std::vector<std::int64_t> labels;
  for (const double label : data.labels.numbers()) labels.push_back(static_cast<std::int64_t>(label));
  return labels;
}

Keywords<AugmentationOptions> augmentation_keywords() {
  using O = AugmentationOptions;
  return {option("shift", &O::shift), option("flip", &O::flip), option("seed", &O::seed)};
}

std::vector<std::size_t> to_sample_numbers(nb::handle value) {
  std::vector<std::size_t> numbers;
  for (const double number : to_host(value).numbers()) {
    if (!is_count(number))
      throw InvalidArgument("[augmented] numbers must be whole numbers from 0 on; got ", number, ".");
    numbers.push_back(static_cast<std::size_t>(number));
  }
  return numbers;
}

void bind_augmented(nb::module_& module) {
  const std::string signature = text::concat("def augmented(images: object, numbers: object, epoch: int",
                                             parameters_of(augmentation_keywords()), ") -> numpy.ndarray");
  module.def(
      "augmented",
      [](nb::handle images, nb::handle numbers, std::int64_t epoch, const nb::kwargs& options) {
        return to_numpy(augmented(to_host(images), to_sample_numbers(numbers), epoch,
                                  from_keywords(augmentation_keywords(), options)));
      },
      nb::arg("images"), nb::arg("numbers"), nb::arg("epoch"), nb::arg("options"), nb::sig(signature.c_str()),
      R"(Images as they might as well have been taken: shifted a little, or mirrored, anew in each epoch.

images   [image, channel, row, column], such as those of a step of training.
numbers  of the images in their set: an integer for each.
epoch    of the training. What happens to an image depends on the seed, the epoch and its number alone, so that a training
         that resumes sees the same.
shift    pixels, at most, up or down and left or right; zeros come in at the edge.
flip     whether every second image, on average, is mirrored left to right.
seed     of what is drawn.

>>> import costate, numpy as np
>>> images = np.arange(24.0).reshape(2, 1, 3, 4)
>>> costate.augmented(images, [0, 1], epoch=0, shift=1).shape
(2, 1, 3, 4)
)");
}

}  // namespace

void bind_labelled(nb::module_& module) {
  nb::class_<LabelledInputs>(module, "LabelledInputs", construct_by_init(),
                             R"(Inputs, and the class of each, for fit_classifier.

inputs  [sample, ...].
labels  [sample]: whole numbers 0, 1, ...)")
      .def(
          "__init__",
          [](LabelledInputs* self, nb::handle inputs, nb::handle labels) {
            new (self) LabelledInputs(make_labelled(inputs, labels));
          },
          nb::arg("inputs"), nb::arg("labels"))
      .def_prop_ro("inputs", [](const LabelledInputs& data) { return to_numpy(data.inputs); })
      .def_prop_ro(
          "labels", [](const LabelledInputs& data) { return to_numpy(labels_of(data)); }, "As integers.")
      .def("__len__", &LabelledInputs::count);
  nb::class_<ImageSet>(module, "ImageSet", "Images to train on and images to test with, as LabelledInputs.")
      .def_ro("train", &ImageSet::train)
      .def_ro("test", &ImageSet::test);
  module.def(
      "read_image_set",
      [](const std::filesystem::path& folder) { return run_long([&] { return read_image_set(folder); }); },
      nb::arg("folder"),
      R"(The ImageSet of a folder with the files of MNIST and Fashion-MNIST (IDX form, with .gz behind them or not) or of CIFAR-10
(binary form). Inputs are [image, channel, row, column] in f32, numbers 0, ..., 255.

IoError if a file is missing; DataError if one does not hold what its name says.)");
  bind_augmented(module);
}

}  // namespace costate::python

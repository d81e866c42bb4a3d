// Labelled images from the files in which MNIST, Fashion-MNIST and CIFAR-10 are given away.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "costate/array/labelled_inputs.h"

namespace costate {

/// The classes of each of these sets: labels are 0 … 9.
inline constexpr std::int64_t kImageClasses = 10;

/// Two files, for read_idx_images.
struct IdxImageFiles {
  std::filesystem::path images, labels;
};

/// Images [image, 1, row, column] and labels [image] from a pair of IDX files (io/idx.h), f32, as stored: 0 … 255.
/// DataError if one does not hold images or labels, as many of each, or has a label that is no class.
LabelledInputs read_idx_images(const IdxImageFiles& files);

/// Images [image, 3, 32, 32] and labels [image] from the binary form of CIFAR-10 (Krizhevsky 2009), f32, as stored: 0 …
/// 255. Each record is a byte for the class and 3072 for red, green and blue, row by row. `source` is the file's name
/// in messages. DataError if the bytes are no whole records or a label is no class.
LabelledInputs parse_cifar10(std::string_view bytes, const std::string& source);

/// Images to train on and images to test with.
struct ImageSet {
  LabelledInputs train, test;
};

/// Whether the first file of such a set is there: train-images-idx3-ubyte(.gz) or data_batch_1.bin.
bool has_image_set(const std::filesystem::path& folder);

/// The set that lies in a folder: {train,t10k}-images-idx3-ubyte and -labels-idx1-ubyte, with .gz behind them or not,
/// or data_batch_1.bin … data_batch_5.bin and test_batch.bin.
///
/// Throws: IoError if neither is there, in a sentence that names both, or a file of the set is missing; DataError as
///         read_idx_images and parse_cifar10 do, and if the images to test with have another shape than those to train
///         on.
ImageSet read_image_set(const std::filesystem::path& folder);

}  // namespace costate

#include "costate/io/images.h"

#include <cmath>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/idx.h"

namespace costate {
namespace {

namespace fs = std::filesystem;

float checked_label(float label, std::size_t image, const std::string& source) {
  if (!(label >= 0 && label < kImageClasses) || std::floor(label) != label)
    throw DataError("[read_images] labels must be whole numbers from 0 to ", kImageClasses - 1, "; that of image ",
                    image, " in '", source, "' is ", label, ".");
  return label;
}

constexpr const char *kIdxFile = "train-images-idx3-ubyte", *kCifarFile = "data_batch_1.bin";

/// The file, or the gzipped one of that name.
fs::path find_idx(const fs::path& path) {
  const fs::path zipped = path.string() + ".gz";
  return !fs::exists(path) && fs::exists(zipped) ? zipped : path;
}

LabelledInputs read_idx_part(const fs::path& folder, const std::string& part) {
  return read_idx_images({.images = find_idx(folder / (part + "-images-idx3-ubyte")),
                          .labels = find_idx(folder / (part + "-labels-idx1-ubyte"))});
}

/// Records of CIFAR-10, from one file after the other.
struct Records {
  std::vector<float> pixels = {}, labels = {};

  void append(std::string_view bytes, const std::string& source) {
    constexpr std::size_t kPixels = std::size_t{3} * 32 * 32, kRecord = 1 + kPixels;
    if (bytes.empty() || bytes.size() % kRecord != 0)
      throw DataError("[read_images] '", source, "' must have records of ", kRecord,
                      " bytes, a label and 3 x 32 x 32 pixels, as CIFAR-10's binary form does; got ", bytes.size(),
                      " bytes. It may be cut short, or of another form.");
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto number = static_cast<float>(static_cast<unsigned char>(bytes[i]));
      if (i % kRecord != 0) pixels.push_back(number);
      if (i % kRecord == 0) labels.push_back(checked_label(number, i / kRecord, source));
    }
  }

  LabelledInputs take() {
    const auto count = static_cast<std::int64_t>(labels.size());
    return {HostArray(Shape{count, 3, 32, 32}, std::move(pixels)), HostArray(Shape{count}, std::move(labels))};
  }
};

LabelledInputs read_cifar10(const std::vector<fs::path>& paths) {
  Records records;
  for (const fs::path& path : paths) records.append(read_file(path), path.string());
  return records.take();
}

ImageSet read_parts(const fs::path& folder) {
  if (fs::exists(folder / kCifarFile)) {
    std::vector<fs::path> batches;
    for (int i = 1; i <= 5; ++i) batches.push_back(folder / text::concat("data_batch_", i, ".bin"));
    return {.train = read_cifar10(batches), .test = read_cifar10({folder / "test_batch.bin"})};
  }
  if (!has_image_set(folder))
    throw IoError("[read_image_set] '", folder.string(),
                  "' has neither train-images-idx3-ubyte(.gz), of MNIST, nor data_batch_1.bin, of CIFAR-10; give the "
                  "folder of the files.");
  return {.train = read_idx_part(folder, "train"), .test = read_idx_part(folder, "t10k")};
}

}  // namespace

LabelledInputs read_idx_images(const IdxImageFiles& files) {
  const HostArray images = read_idx(files.images), labels = read_idx(files.labels);
  if (images.shape().rank() != 3 || labels.shape().rank() != 1 || images.shape()[0] != labels.size())
    throw DataError("[read_images] '", files.images.string(), "' must have images [image, row, column], and '",
                    files.labels.string(), "' a label for each; got shapes ", images.shape(), " and ", labels.shape(),
                    "; are the files mixed up?");
  const Shape& shape = images.shape();
  LabelledInputs read{images.reshape({shape[0], 1, shape[1], shape[2]}).astype(Dtype::kF32),
                      labels.astype(Dtype::kF32)};
  for (std::size_t i = 0; const float label : std::as_const(read.labels).data<float>())
    checked_label(label, i++, files.labels.string());
  return read;
}

LabelledInputs parse_cifar10(std::string_view bytes, const std::string& source) {
  Records records;
  records.append(bytes, source);
  return records.take();
}

bool has_image_set(const fs::path& folder) {
  return fs::exists(find_idx(folder / kIdxFile)) || fs::exists(folder / kCifarFile);
}

ImageSet read_image_set(const fs::path& folder) {
  ImageSet set = read_parts(folder);
  if (set.train.count() == 0 || set.test.count() == 0)
    throw DataError("[read_image_set] '", folder.string(), "' must have images to train on and to test with; got ",
                    set.train.count(), " and ", set.test.count(), ".");
  if (!(set.train.inputs.shape().without_first() == set.test.inputs.shape().without_first()))
    throw DataError("[read_image_set] images of '", folder.string(),
                    "' must all have one shape; those to train on have ", set.train.inputs.shape().without_first(),
                    " and those to test with ", set.test.inputs.shape().without_first(), ".");
  return set;
}

}  // namespace costate

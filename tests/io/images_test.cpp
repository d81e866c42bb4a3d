#include "costate/io/images.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/io/garbage.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

/// A file of bytes in IDX form.
std::string idx_of(const std::vector<int>& axes, const std::string& bytes) {
  std::string file = {0, 0, 8, static_cast<char>(axes.size())};
  for (const int axis : axes) file += {0, 0, 0, static_cast<char>(axis)};
  return file + bytes;
}

/// A record of CIFAR-10 whose pixel number i is i % 251.
std::string record(char label) {
  std::string bytes(1, label);
  for (int i = 0; i < 3072; ++i) bytes.push_back(static_cast<char>(i % 251));
  return bytes;
}

/// The four files of MNIST, two images of 2 x 3 each.
void write_mnist(const test::Scratch& folder) {
  for (const std::string part : {"train", "t10k"}) {
    folder.write(part + "-images-idx3-ubyte", idx_of({2, 2, 3}, std::string("\0\1\2\3\4\5\6\7\10\11\12\xff", 12)));
    folder.write(part + "-labels-idx1-ubyte", idx_of({2}, {9, 0}));
  }
}

TEST(Images, MnistIsReadAsStored) {
  const test::Scratch folder;
  write_mnist(folder);
  const ImageSet set = read_image_set(folder.folder());
  for (const LabelledInputs& part : {set.train, set.test}) {
    EXPECT_TRUE(
        part.inputs.same_bits(HostArray(Shape{2, 1, 2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255})));
    EXPECT_TRUE(part.labels.same_bits(HostArray(Shape{2}, std::vector<float>{9, 0})));
  }
  const LabelledInputs second = set.train.slice(1, 2);
  EXPECT_EQ(second.count(), 1);
  EXPECT_EQ(second.inputs(0, 0, 1, 2), 255);
  EXPECT_EQ(second.labels(0), 0);
}

TEST(Images, CifarIsReadChannelByChannel) {
  const LabelledInputs read = parse_cifar10(record(3) + record(9), "batch");
  ASSERT_EQ(read.inputs.shape(), (Shape{2, 3, 32, 32}));
  EXPECT_EQ(read.labels(0), 3);
  EXPECT_EQ(read.labels(1), 9);
  EXPECT_EQ(read.inputs(1, 0, 0, 31), 31);
  EXPECT_EQ(read.inputs(1, 2, 31, 5), (2 * 1024 + 31 * 32 + 5) % 251);
}

TEST(Images, CifarIsItsFiveBatchesInOrder) {
  const test::Scratch folder;
  for (int i = 1; i <= 5; ++i) folder.write(text::concat("data_batch_", i, ".bin"), record(static_cast<char>(i)));
  EXPECT_ERROR(read_image_set(folder.folder()), IoError, "test_batch.bin");
  folder.write("test_batch.bin", record(7));
  const ImageSet set = read_image_set(folder.folder());
  EXPECT_TRUE(set.train.labels.same_bits(HostArray(Shape{5}, std::vector<float>{1, 2, 3, 4, 5})));
  EXPECT_EQ(set.test.labels(0), 7);
  EXPECT_EQ(set.train.inputs(4, 1, 0, 0), 1024 % 251);
}

TEST(Images, AFolderWithoutASetIsRefused) {
  const test::Scratch folder;
  EXPECT_FALSE(has_image_set(folder.folder()));
  EXPECT_ERROR(read_image_set(folder.folder()), IoError, "has neither train-images-idx3-ubyte(.gz), of MNIST, nor");
  folder.write("train-images-idx3-ubyte", idx_of({1, 1, 1}, "x"));
  EXPECT_TRUE(has_image_set(folder.folder()));
  EXPECT_ERROR(read_image_set(folder.folder()), IoError, "train-labels-idx1-ubyte");
}

TEST(Images, OtherSizesAreRefused) {
  EXPECT_ERROR(parse_cifar10(record(0) + "x", "batch"), DataError,
               "'batch' must have records of 3073 bytes, a label and 3 x 32 x 32 pixels, as CIFAR-10's binary form "
               "does; got 3074 bytes");
  EXPECT_ERROR(parse_cifar10("", "batch"), DataError, "got 0 bytes");
  const test::Scratch folder;
  write_mnist(folder);
  folder.write("t10k-images-idx3-ubyte", idx_of({2, 1, 3}, std::string(6, 'x')));
  EXPECT_ERROR(read_image_set(folder.folder()), DataError, "have [1, 2, 3] and those to test with [1, 1, 3]");
  folder.write("t10k-labels-idx1-ubyte", idx_of({3}, {9, 0, 1}));
  EXPECT_ERROR(read_image_set(folder.folder()), DataError, "got shapes [2, 1, 3] and [3]");
  folder.write("t10k-images-idx3-ubyte", idx_of({0, 1, 3}, ""));
  folder.write("t10k-labels-idx1-ubyte", idx_of({0}, ""));
  EXPECT_ERROR(read_image_set(folder.folder()), DataError,
               "must have images to train on and to test with; got 2 and 0");
}

TEST(Images, LabelsThatAreNoClassAreRefused) {
  EXPECT_ERROR(parse_cifar10(record(1) + record(10), "batch"), DataError,
               "labels must be whole numbers from 0 to 9; that of image 1 in 'batch' is 10");
  const test::Scratch folder;
  write_mnist(folder);
  folder.write("train-labels-idx1-ubyte", idx_of({2}, {1, 77}));
  EXPECT_ERROR(read_image_set(folder.folder()), DataError, "that of image 1 in");
}

TEST(ImagesGarbage, IsAlwaysATypedError) {
  const auto read = [](std::string_view damaged) { parse_cifar10(damaged, "batch"); };
  test::expect_random_bytes_safe(read, record(2));
  test::expect_truncation_is_an_error(read, record(2));
}

}  // namespace
}  // namespace costate

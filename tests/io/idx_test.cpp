#include "costate/io/idx.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/io/garbage.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

HostArray read_images(std::string_view bytes) { return parse_idx(bytes, "images"); }

/// Bytes given as numbers, so that zeros are no trouble.
std::string bytes_of(const std::vector<int>& values) {
  std::string bytes;
  for (const int value : values) bytes.push_back(static_cast<char>(value));
  return bytes;
}

/// Two 1 x 3 images of bytes, as in MNIST.
const std::string kImages = bytes_of({0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 128, 255, 1, 2, 3});

/// The same through `gzip -n`.
const std::string kZipped = bytes_of({0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x63, 0x60, 0xE0,
                                      0x60, 0x66, 0x60, 0x60, 0x60, 0x02, 0x62, 0x46, 0x20, 0x66, 0x66, 0x68, 0xF8,
                                      0xCF, 0xC8, 0xC4, 0x0C, 0x00, 0x5B, 0x7A, 0x5A, 0x0B, 0x16, 0x00, 0x00, 0x00});

TEST(Idx, ReadsBytesAsFloats) {
  const HostArray expected(Shape{2, 1, 3}, std::vector<float>{0, 128, 255, 1, 2, 3});
  EXPECT_TRUE(read_images(kImages).same_bits(expected));
}

TEST(Idx, ReadsGzippedFiles) {
  const test::Scratch scratch;
  EXPECT_TRUE(read_idx(scratch.write("images.gz", kZipped)).same_bits(read_images(kImages)));
}

TEST(Idx, ReadsEveryElementType) {
  EXPECT_TRUE(
      read_images(bytes_of({0, 0, 9, 1, 0, 0, 0, 1, 255})).same_bits(HostArray(Shape{1}, std::vector<float>{-1})));
  EXPECT_TRUE(
      read_images(bytes_of({0, 0, 11, 1, 0, 0, 0, 1, 1, 2})).same_bits(HostArray(Shape{1}, std::vector<float>{258})));
  EXPECT_TRUE(
      read_images(bytes_of({0, 0, 12, 1, 0, 0, 0, 1, 255, 255, 255, 254})).same_bits(HostArray::vector({-2.0})));
  EXPECT_TRUE(read_images(bytes_of({0, 0, 13, 1, 0, 0, 0, 1, 63, 128, 0, 0}))
                  .same_bits(HostArray(Shape{1}, std::vector<float>{1})));
  EXPECT_TRUE(
      read_images(bytes_of({0, 0, 14, 1, 0, 0, 0, 1, 63, 240, 0, 0, 0, 0, 0, 0})).same_bits(HostArray::vector({1.0})));
}

TEST(Idx, RefusesUnsoundFiles) {
  EXPECT_ERROR(read_images("GIF89a"), DataError, "'images' is not a sound IDX file: it does not start like one");
  EXPECT_ERROR(read_images(bytes_of({0, 0, 7, 1, 0, 0, 0, 0})), DataError, "its element type is unknown");
  EXPECT_ERROR(read_images(bytes_of({0, 0, 8, 2, 0, 0})), DataError, "axis lengths are cut short");
  EXPECT_ERROR(read_images(bytes_of({0, 0, 8, 1, 0, 0, 0, 3, 1})), DataError, "shape [3] does not fit the 1 bytes");
  EXPECT_ERROR(read_images(bytes_of({0, 0, 14, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})),
               DataError, "does not fit");
  EXPECT_ERROR(read_images(kZipped.substr(0, 30)), DataError, "compressed part that is not sound");
  EXPECT_ERROR(read_idx("absent"), IoError, "absent");
}

TEST(IdxGarbage, IsAlwaysATypedError) {
  for (const std::string& bytes : {kImages, kZipped}) {
    test::expect_garbage_safe([](std::string_view damaged) { read_images(damaged); }, bytes);
    test::expect_random_bytes_safe([](std::string_view damaged) { read_images(damaged); }, bytes);
    test::expect_truncation_is_an_error([](std::string_view cut) { read_images(cut); }, bytes);
  }
}

}  // namespace
}  // namespace costate

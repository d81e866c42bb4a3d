#include "costate/data/augmentation.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "costate/array/take_rows.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr std::int64_t kHeight = 5, kWidth = 6;

/// Images of two channels whose numbers all differ, none 0.
HostArray images(std::int64_t count, Dtype dtype = Dtype::kF64) {
  HostArray made(Shape{count, 2, kHeight, kWidth}, dtype);
  for (std::int64_t i = 0; i < made.size(); ++i) made.set(i, static_cast<double>(i + 1));
  return made;
}

std::vector<std::size_t> all(std::size_t count) {
  std::vector<std::size_t> samples(count);
  std::iota(samples.begin(), samples.end(), std::size_t{0});
  return samples;
}

/// What was done to image i, found by trying all; -1: nothing that may have been.
struct Found {
  std::int64_t down = 99, right = 99;
  int flipped = -1;
};

Found find_move(const HostArray& original, const HostArray& moved, std::int64_t shift) {
  for (std::int64_t down = -shift; down <= shift; ++down)
    for (std::int64_t right = -shift; right <= shift; ++right)
      for (const int flipped : {0, 1}) {
        bool fits = true;
        for (std::int64_t channel = 0; channel < 2; ++channel)
          for (std::int64_t row = 0; row < kHeight; ++row)
            for (std::int64_t column = 0; column < kWidth; ++column) {
              const std::int64_t from_row = row + down, seen = column + right;
              const bool inside = from_row >= 0 && from_row < kHeight && seen >= 0 && seen < kWidth;
              const std::int64_t from = flipped == 1 ? kWidth - 1 - seen : seen;
              fits = fits && moved(channel, row, column) == (inside ? original(channel, from_row, from) : 0.0);
            }
        if (fits) return {down, right, flipped};
      }
  return {};
}

TEST(Augmentation, ShiftsAndFlipsAreDrawnEvenly) {
  constexpr std::size_t kCount = 4000;
  const HostArray original = images(kCount), moved = augmented(original, all(kCount), 3, {.shift = 1, .flip = true});
  std::map<std::vector<std::int64_t>, int> counts;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(kCount); ++i) {
    const Found found = find_move(original[i], moved[i], 1);
    ASSERT_NE(found.flipped, -1) << "image " << i;
    ++counts[{found.down, found.right, found.flipped}];
  }
  ASSERT_EQ(counts.size(), 18U);
  // A count of mean 4000 / 18 = 222 has deviation 14.5.
  for (const auto& [move, count] : counts) EXPECT_NEAR(count, 222, 6 * 14.5);
}

TEST(Augmentation, DependsOnSeedEpochAndImageAlone) {
  const HostArray original = images(40, Dtype::kF32);
  const auto draw = [&](const std::vector<std::size_t>& samples, std::int64_t epoch, std::uint64_t seed) {
    return augmented(take_rows(original, samples), samples, epoch, {.shift = 2, .flip = true, .seed = seed});
  };
  const HostArray whole = draw(all(40), 7, 5), part = draw({31, 2}, 7, 5);
  EXPECT_EQ(part.dtype(), Dtype::kF32);
  EXPECT_TRUE(part[0].same_bits(whole[31]));
  EXPECT_TRUE(part[1].same_bits(whole[2]));
  EXPECT_FALSE(draw(all(40), 8, 5).same_bits(whole));
  EXPECT_FALSE(draw(all(40), 7, 6).same_bits(whole));
}

TEST(Augmentation, NothingToDoGivesTheImages) {
  const HostArray original = images(6);
  EXPECT_TRUE(augmented(original, all(6), 0, {.shift = 0}).same_bits(original));
  EXPECT_EQ(augmented(images(0), {}, 0).shape(), (Shape{0, 2, kHeight, kWidth}));
}

TEST(Augmentation, WhatItCannotDoIsNamed) {
  EXPECT_ERROR(augmented(HostArray(Shape{2, 3}), all(1), 0), ShapeError, "must be [image, channel, row, column]");
  EXPECT_ERROR(augmented(images(1), all(1), 0, {.shift = 5}), InvalidArgument, "below the 5 x 6 pixels");
  EXPECT_ERROR(augmented(images(1), all(1), 0, {.shift = -1}), InvalidArgument, "got -1");
  EXPECT_ERROR(augmented(images(2), all(3), 0, {.shift = 1}), ShapeError, "got 3 numbers of 2 images");
}

}  // namespace
}  // namespace costate

#include "costate/io/mapped_array.h"

#include <gtest/gtest.h>

#include <vector>

#include "costate/io/files.h"
#include "costate/io/npy.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

HostArray counted(const Shape& shape, Dtype dtype) {
  HostArray array(shape, dtype);
  for (std::int64_t i = 0; i < array.size(); ++i) array.set(i, 0.25 * static_cast<double>(i));
  return array;
}

TEST(MappedArray, GivesTheNumbersOfNpyAndNpz) {
  const test::Scratch scratch;
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    const HostArray array = counted({3, 5, 2}, dtype);
    write_npy(scratch / "a.npy", array);
    write_npz(scratch / "a.npz", {{"first", counted({7}, dtype)}, {"states", array}}, NpzCompression::kStored);
    for (const MappedArray& mapped : {MappedArray(scratch / "a.npy"), MappedArray(scratch / "a.npz", "states")}) {
      EXPECT_EQ(mapped.shape(), array.shape());
      EXPECT_EQ(mapped.dtype(), dtype);
      std::vector<double> all(30), some(4);
      std::vector<float> coarse(30);
      mapped.copy_to(0, std::span(all));
      mapped.copy_to(26, std::span(some));
      mapped.copy_to(0, std::span(coarse));
      for (std::int64_t i = 0; i < 30; ++i) {
        EXPECT_EQ(all[static_cast<std::size_t>(i)], array.at(i));
        EXPECT_EQ(coarse[static_cast<std::size_t>(i)], static_cast<float>(array.at(i)));
      }
      EXPECT_EQ(some, (std::vector<double>{6.5, 6.75, 7, 7.25}));
      EXPECT_ERROR(mapped.copy_to(27, std::span(some)), ShapeError, "there are 30 numbers; got 27 to 31");
    }
  }
}

TEST(MappedArray, OutlivesItsName) {
  const test::Scratch scratch;
  write_npy(scratch / "a.npy", counted({4}, Dtype::kF64));
  const MappedArray mapped(scratch / "a.npy");
  std::filesystem::remove(scratch / "a.npy");
  const MappedArray copy = mapped;
  std::vector<double> all(4);
  copy.copy_to(0, std::span(all));
  EXPECT_EQ(all[3], 0.75);
}

TEST(MappedArray, SaysWhatItCannotMap) {
  const test::Scratch scratch;
  const HostArray array = counted({4, 2}, Dtype::kF64);
  write_npz(scratch / "stored.npz", {{"states", array}}, NpzCompression::kStored);
  write_npz(scratch / "packed.npz", {{"states", array}});
  write_npy(scratch / "a.npy", array);
  std::string bytes = to_npy(array);
  EXPECT_ERROR(MappedArray(scratch / "none.npy"), IoError, "cannot read");
  EXPECT_ERROR(MappedArray(scratch.write("empty.npy", "")), DataError, "is empty");
  EXPECT_ERROR(MappedArray(scratch.folder()), DataError, "is not a file");
  EXPECT_ERROR(MappedArray(scratch / "stored.npz"), InvalidArgument, "holds arrays by name; say which one");
  EXPECT_ERROR(MappedArray(scratch / "stored.npz", "state"), DataError, "did you mean 'states'?");
  EXPECT_ERROR(MappedArray(scratch / "packed.npz", "states"), NotSupported, "compressed or encrypted");
  EXPECT_ERROR(MappedArray(scratch / "a.npy", "states"), InvalidArgument, "leave out 'states'");
  EXPECT_ERROR(MappedArray(scratch.write("cut.npy", bytes.substr(0, bytes.size() - 3))), DataError,
               "shape [4, 2] does not fit the 61 bytes that follow");
  const std::size_t type = bytes.find("<f8");
  EXPECT_ERROR(MappedArray(scratch.write("big.npy", bytes.replace(type, 3, ">f8"))), NotSupported,
               "holds >f8; an array that stays in its file must be float32 or float64, little-endian and row-major");
  EXPECT_ERROR(MappedArray(scratch.write("whole.npy", bytes.replace(type, 3, "<i8"))), NotSupported, "holds <i8");
}

TEST(MappedArray, DamagedArchivesAreErrors) {
  const test::Scratch scratch;
  write_npz(scratch / "a.npz", {{"states", counted({4, 2}, Dtype::kF64)}}, NpzCompression::kStored);
  const std::string bytes = read_file(scratch / "a.npz");
  for (std::size_t length = 2; length < bytes.size(); ++length)
    EXPECT_ERROR(MappedArray(scratch.write("cut.npz", bytes.substr(0, length)), "states"), DataError, "cut.npz");
  for (std::size_t at = 0; at < bytes.size(); ++at) {  // no flipped bit reads outside, nor is worse than an error
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x80);
    try {
      const MappedArray mapped(scratch.write("flipped.npz", flipped), "states");
      std::vector<double> all(static_cast<std::size_t>(mapped.shape().size()));
      mapped.copy_to(0, std::span(all));
    } catch (const Error& error) {
      EXPECT_EQ(error.info().exit_code, 2) << error.what();
    }
  }
}

}  // namespace
}  // namespace costate

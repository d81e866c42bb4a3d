#include "costate/io/safetensors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/io/files.h"
#include "costate/io/internal/bytes.h"
#include "tests/io/garbage.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

using test::Scratch;

ArrayFile read_model(std::string_view bytes) { return parse_safetensors(bytes, "model"); }

std::string with_header(const std::string& header, const std::string& data = "") {
  std::string bytes;
  internal::append<std::uint64_t>(bytes, header.size());
  return bytes + header + data;
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":[)" + shape + R"(],"data_offsets":[)" + offsets + "]}";
}

ArrayFile example() {
  ArrayFile file;
  file.arrays["weight"] = HostArray(Shape{2, 2}, std::vector<float>{1, -2, 0.5F, 3});
  file.arrays["bias"] = HostArray(Shape{3}, std::vector<double>{0.1, -0.0, NAN});
  file.arrays["scalar"] = HostArray(Shape{}, std::vector<double>{7});
  file.arrays["empty"] = HostArray(Shape{0, 5}, Dtype::kF32);
  file.metadata = {{"format", "1"}, {"note", "\"quoted\" \n Zürich"}};
  return file;
}

TEST(Safetensors, WritesTheDocumentedBytes) {
  ArrayFile file;
  file.arrays["a"] = HostArray(Shape{2}, std::vector<float>{1, 2});
  const std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  )";  // padded to 56 bytes
  EXPECT_EQ(to_safetensors(file), with_header(header, std::string("\0\0\x80\x3F\0\0\0\x40", 8)));
}

TEST(Safetensors, ReadsBackBitForBit) {
  const Scratch scratch;
  const ArrayFile made = example();
  write_safetensors(scratch / "m.safetensors", made);
  const ArrayFile back = read_safetensors(scratch / "m.safetensors");
  EXPECT_EQ(back.metadata, made.metadata);
  ASSERT_EQ(back.arrays.size(), made.arrays.size());
  for (const auto& [name, array] : made.arrays) EXPECT_TRUE(back.array(name).same_bits(array)) << name;
  EXPECT_EQ(to_safetensors(back), to_safetensors(made));
}

TEST(Safetensors, NumbersAreAlignedToTheirSize) {
  const std::string bytes = to_safetensors(example());
  EXPECT_EQ(internal::load<std::uint64_t>(bytes, 0) % 8, 0u);
  // f64 arrays come first: 4 doubles, then 4 floats.
  EXPECT_EQ(bytes.size(), 8 + internal::load<std::uint64_t>(bytes, 0) + 4 * 8 + 4 * 4);
}

TEST(Safetensors, ReadsOtherWritersLayout) {
  const std::string header = "{" + entry("late", "F64", "", "8,16") + "," + entry("early", "F32", "1,2", "0,8") + "}  ";
  const ArrayFile file = read_model(with_header(header, std::string(8, '\0') + std::string("\0\0\0\0\0\0\xF0\x3F", 8)));
  EXPECT_EQ(file.array("late").at(0), 1.0);
  EXPECT_EQ(file.array("early").shape(), (Shape{1, 2}));
}

TEST(Safetensors, AnEmptyFileOfNoArrays) { EXPECT_TRUE(read_model(to_safetensors({})).arrays.empty()); }

TEST(Safetensors, RefusesUnsoundFiles) {
  const auto header_error = [](const std::string& header, const std::string& data, const std::string& part) {
    EXPECT_ERROR(read_model(with_header(header, data)), DataError, part);
  };
  const std::string eight(8, '\0');
  EXPECT_ERROR(read_model("GIF89a"), DataError, "'model' is not a sound safetensors file: it has only 6 bytes");
  EXPECT_ERROR(read_model("<!DOCTYPE html><html>"), DataError, "its header should have");
  header_error("[]", "", "not a JSON dictionary");
  header_error("{\"a\":", "", "not a JSON dictionary");
  header_error("{" + entry("a", "F32", "1", "0,4") + "," + entry("a", "F32", "1", "4,8") + "}", eight,
               "'a' occurs twice");
  header_error(R"({"a":{"dtype":"F32","shape":[1]}})", eight, "lacks its dtype, shape or data_offsets");
  header_error("{" + entry("a", "F32", "-1", "0,4") + "}", eight, "is not a list of lengths");
  header_error("{" + entry("a", "F32", "1", "0") + "}", eight, "not two positions");
  header_error("{" + entry("a", "F32", "3", "0,8") + "}", eight, "has 3 numbers but positions 0 to 8");
  header_error("{" + entry("a", "F32", "2", "8,0") + "}", eight, "positions 8 to 0");
  header_error("{" + entry("a", "F64", "4294967296,4294967296", "0,8") + "}", eight, "too large");
  header_error("{" + entry("a", "F64", "18446744073709551615", "0,8") + "}", eight, "too large");
  header_error("{" + entry("a", "F32", "1", "0,4") + "," + entry("b", "F32", "1", "0,4") + "}", eight,
               ", within the end");
  header_error("{" + entry("a", "F32", "1", "4,8") + "}", eight, "not at the end of the array before it, 0");
  header_error("{" + entry("a", "F32", "1", "0,4") + "}", eight, "need 4 bytes but 8 follow");
  header_error("{" + entry("a", "F64", "2", "0,16") + "}", eight, "need 16 bytes but 8 follow");
  header_error(R"({"__metadata__":{"a":1}})", "", "is not text");
  header_error(R"({"__metadata__":[]})", "", "is not a dictionary");
  EXPECT_ERROR(read_model(with_header("{" + entry("a", "BF16", "4", "0,8") + "}", eight)), NotSupported,
               "'a' holds BF16");
}

TEST(Safetensors, ErrorsOfNames) {
  EXPECT_ERROR(example().array("weigth"), DataError, "unknown array 'weigth'; did you mean 'weight'");
  ArrayFile file;
  file.arrays["__metadata__"] = HostArray::vector({1.0});
  EXPECT_ERROR(to_safetensors(file), InvalidArgument, "cannot be called");
  EXPECT_ERROR(read_safetensors("absent"), IoError, "absent");
}

TEST(SafetensorsGarbage, DeepNestingIsAnError) {
  const std::string deep(100'000, '[');
  EXPECT_ERROR(read_model(with_header("{\"a\":" + deep)), DataError, "not a JSON dictionary");
  EXPECT_ERROR(read_model(with_header("{\"a\":" + deep + std::string(deep.size(), ']') + "}")), DataError,
               "lacks its dtype");
}

TEST(SafetensorsGarbage, IsAlwaysATypedError) {
  const std::string bytes = to_safetensors(example());
  test::expect_garbage_safe([](std::string_view damaged) { read_model(damaged); }, bytes);
  test::expect_truncation_is_an_error([](std::string_view cut) { read_model(cut); }, bytes);
}

TEST(Safetensors, AFlippedBitOfAWrittenFileIsNoticed) {
  const Scratch scratch;
  write_safetensors(scratch / "whole", example());
  const std::string bytes = read_file(scratch / "whole");
  std::size_t num_noticed = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    scratch.write("damaged", damaged);
    try {
      const ArrayFile read = read_safetensors(scratch / "damaged");
      for (const auto& [name, array] : example().arrays) EXPECT_TRUE(read.array(name).same_bits(array)) << i;
    } catch (const Error&) {
      ++num_noticed;
    }
  }
  // Only a hit on the name of the digest goes by, and then the rest is whole.
  EXPECT_GE(num_noticed, bytes.size() - std::string("costate.digest").size());
}

}  // namespace
}  // namespace costate

#include "costate/io/npy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/io/garbage.h"
#include "tests/io/scratch.h"

namespace costate {
namespace {

using test::Scratch;
using Numbers = std::vector<double>;

HostArray read_array(std::string_view bytes) { return parse_npy(bytes, "a.npy"); }

/// A .npy file of format 1.0 with this header, unpadded as old writers left it.
std::string npy_with_header(const std::string& header, const std::string& data) {
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + data;
}

std::string simple(const std::string& descr, const std::string& shape, const std::string& data) {
  return npy_with_header("{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n", data);
}

std::map<std::string, HostArray> examples() {
  return {{"matrix", HostArray(Shape{2, 3}, Numbers{1, -0.0, NAN, 1e300, 5, 6})},
          {"floats", HostArray(Shape{3}, std::vector<float>{0.1F, 2, 3})},
          {"scalar", HostArray(Shape{}, Numbers{7})},
          {"empty", HostArray(Shape{0, 2}, Dtype::kF32)}};
}

TEST(Npy, WritesTheDocumentedBytes) {
  const std::string bytes = to_npy(HostArray(Shape{2}, std::vector<float>{1, 2}));
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  header.append(128 - 10 - header.size() - 1, ' ');  // the data start at a multiple of 64
  EXPECT_EQ(bytes, npy_with_header(header + "\n", std::string("\0\0\x80\x3F\0\0\0\x40", 8)));
}

TEST(Npy, ReadsBackBitForBit) {
  const Scratch scratch;
  for (const auto& [name, array] : examples()) {
    write_npy(scratch / "a.npy", array);
    EXPECT_TRUE(read_npy(scratch / "a.npy").same_bits(array)) << name;
  }
}

TEST(Npy, ReadsIntegersBooleansAndOtherByteOrders) {
  EXPECT_TRUE(read_array(simple("|i1", "(2,)", "\xFF\x7F")).same_bits(HostArray::vector({-1, 127})));
  EXPECT_TRUE(read_array(simple("|u1", "(2,)", "\xFF\x7F")).same_bits(HostArray::vector({255, 127})));
  EXPECT_TRUE(read_array(simple("|b1", "(2,)", std::string("\x01\x00", 2))).same_bits(HostArray::vector({1, 0})));
  EXPECT_TRUE(read_array(simple("<i2", "(1,)", "\xFE\xFF")).same_bits(HostArray::vector({-2})));
  EXPECT_TRUE(read_array(simple(">i2", "(1,)", "\xFF\xFE")).same_bits(HostArray::vector({-2})));
  EXPECT_TRUE(read_array(simple(">u2", "(1,)", "\x01\x02")).same_bits(HostArray::vector({258})));
  EXPECT_TRUE(read_array(simple(">f4", "(1,)", std::string("\x3F\x80\0\0", 4)))
                  .same_bits(HostArray(Shape{1}, std::vector<float>{1})));
  EXPECT_TRUE(
      read_array(simple("<i8", "()", std::string("\x05\0\0\0\0\0\0\0", 8))).same_bits(HostArray(Shape{}, Numbers{5})));
}

TEST(Npy, ReadsColumnMajorArrays) {
  const std::string bytes =
      npy_with_header("{'shape': (2, 3), 'fortran_order': True, 'descr': \"|u1\"}", "\x01\x04\x02\x05\x03\x06");
  EXPECT_TRUE(read_array(bytes).same_bits(HostArray(Shape{2, 3}, Numbers{1, 2, 3, 4, 5, 6})));
}

TEST(Npy, ReadsFormatTwo) {
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}";
  const std::string bytes =
      std::string("\x93NUMPY\x02\x00", 8) + static_cast<char>(header.size()) + std::string(3, '\0') + header + "\x09";
  EXPECT_EQ(read_array(bytes).at(0), 9);
}

TEST(Npy, RefusesUnsoundFiles) {
  EXPECT_ERROR(read_array("hello, world"), DataError, "'a.npy' is not a sound .npy file: it does not start like one");
  EXPECT_ERROR(read_array(simple("<f8", "(2,)", "1234567890")), DataError, "do not fit the 10 bytes");
  EXPECT_ERROR(read_array(simple("<f8", "(1000000000000, 1000000000000)", "")), DataError, "do not fit the 0 bytes");
  EXPECT_ERROR(read_array(simple("<f8", "(-1,)", "")), DataError, "not a list of lengths");
  EXPECT_ERROR(read_array(npy_with_header("{'descr': '<f8'}", "")), DataError, "incomplete");
  EXPECT_ERROR(read_array(npy_with_header("{'colour': 'red'}", "")), DataError, "unknown key");
  EXPECT_ERROR(read_array(npy_with_header("{'descr': '<f8', 'shape': (1,), 'shape': (2,)}", "")), DataError,
               "'shape' twice");
  EXPECT_ERROR(read_array(npy_with_header("{'fortran_order': 1}", "")), DataError, "neither True nor False");
  EXPECT_ERROR(read_array(npy_with_header("['descr']", "")), DataError, "lacks a '{'");
  EXPECT_ERROR(read_array(simple("<f2", "(1,)", "ab")), NotSupported, "elements of type '<f2'");
  EXPECT_ERROR(read_array(simple("<c8", "(1,)", "12345678")), NotSupported, "'<c8'");
  EXPECT_ERROR(read_array(npy_with_header("{'descr': [('a', '<f8')]}", "")), NotSupported, "holds records");
  EXPECT_ERROR(read_array(std::string("\x93NUMPY\x03\x00 1234567", 16)), NotSupported, "format version 3");
  EXPECT_ERROR(read_npy("absent.npy"), IoError, "absent.npy");
}

TEST(Npz, ReadsBackBitForBit) {
  const Scratch scratch;
  for (const NpzCompression compression : {NpzCompression::kStored, NpzCompression::kDeflated}) {
    write_npz(scratch / "a.npz", examples(), compression);
    const auto back = read_npz(scratch / "a.npz");
    ASSERT_EQ(back.size(), examples().size());
    for (const auto& [name, array] : examples()) EXPECT_TRUE(back.at(name).same_bits(array)) << name;
  }
}

TEST(Npz, DeflateCompressesMoreThanABlock) {
  const std::map<std::string, HostArray> zeros{{"zeros", HostArray(Shape{100, 1000})}};
  const std::string bytes = to_npz(zeros);
  EXPECT_LT(bytes.size(), 10'000u);
  EXPECT_TRUE(parse_npz(bytes, "a.npz").at("zeros").same_bits(zeros.at("zeros")));
}

TEST(Npz, EqualArraysGiveEqualBytes) {
  const std::string bytes = to_npz(examples());
  const std::size_t date = bytes.find("PK\x03\x04") + 10;
  EXPECT_EQ(bytes.substr(date, 4), std::string("\x00\x00\x21\x00", 4));  // 1980-01-01, midnight
  EXPECT_EQ(to_npz(examples()), bytes);
}

TEST(Npz, NoArraysAreAnArchive) { EXPECT_TRUE(parse_npz(to_npz({}), "a.npz").empty()); }

TEST(Npz, NamesAreKeptAsTheyAre) {
  const std::map<std::string, HostArray> arrays{
      {"", HostArray::vector({1})}, {"a/b.npy", HostArray::vector({2})}, {"Zürich θ", HostArray::vector({3})}};
  const auto back = parse_npz(to_npz(arrays), "a.npz");
  ASSERT_EQ(back.size(), 3u);
  for (const auto& [name, array] : arrays) EXPECT_TRUE(back.at(name).same_bits(array)) << name;
  for (const std::string& name : {std::string("a\nb"), std::string("\xB5"), std::string("a\0b", 3)})
    EXPECT_ERROR(to_npz({{name, HostArray::vector({1})}}), InvalidArgument, "must be UTF-8 on one line; got '");
}

/// An archive of one stored array, its sizes in fields of 64 bits as in archives beyond 4 GiB (APPNOTE, 4.5.3).
std::string zip64(std::string bytes) {
  const std::size_t entry = bytes.find("PK\x01\x02"), name = entry + 46, end = bytes.find("PK\x05\x06");
  const std::string size = bytes.substr(entry + 24, 4) + std::string(4, '\0');
  const std::string extra = std::string("\x01\x00\x10\x00", 4) + size + size;  // whole size, then compressed size
  bytes[end + 12] = static_cast<char>(bytes[end + 12] + static_cast<char>(extra.size()));  // bytes of the directory
  bytes.insert(name + static_cast<unsigned char>(bytes[entry + 28]), extra);
  bytes[entry + 30] = static_cast<char>(extra.size());
  bytes.replace(entry + 20, 8, std::string(8, '\xFF'));
  return bytes;
}

TEST(Npz, MoreArraysThanSixteenBitsCount) {
  constexpr int kMany = 66'000;
  std::map<std::string, HostArray> arrays;
  for (int i = 0; i < kMany; ++i) arrays.emplace(std::to_string(i), HostArray::vector({1.0 * i}));
  const auto back = parse_npz(to_npz(arrays, NpzCompression::kStored), "a.npz");
  ASSERT_EQ(back.size(), arrays.size());
  EXPECT_EQ(back.at("65999").at(0), 65999);
}

TEST(Npz, ReadsZip64) {
  const HostArray array = HostArray::vector({1, 2});
  const auto back = parse_npz(zip64(to_npz({{"a", array}}, NpzCompression::kStored)), "a.npz");
  EXPECT_TRUE(back.at("a").same_bits(array));
}

TEST(Npz, RefusesUnsoundFiles) {
  const auto parse = [](const std::string& bytes) { parse_npz(bytes, "a.npz"); };
  EXPECT_ERROR(parse(""), DataError, "'a.npz' is not a sound ZIP file: it is empty");
  EXPECT_ERROR(parse("not a zip file, though long enough"), DataError, "'a.npz' is not a sound ZIP file: Not a zip");
  EXPECT_ERROR(parse("PK\x03\x04 but nothing of the rest of it"), DataError, "may be damaged or cut short");
  std::string damaged = to_npz(examples(), NpzCompression::kStored);
  damaged[damaged.find("NUMPY") + 100] ^= 1;
  EXPECT_ERROR(parse(damaged), DataError, "CRC error");
  std::string larger = to_npz(examples());
  larger.replace(larger.find("PK\x01\x02") + 24, 4, "\xFF\xFF\xFF\xFF");
  // Libzip 1.7 (Debian 12) refuses a directory that says another size; 1.11 (Debian 13) reads what is there.
  try {
    EXPECT_EQ(parse_npz(larger, "a.npz").size(), examples().size());
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("'a.npz' is not a sound ZIP file"), std::string::npos) << error.what();
  }
}

TEST(Npz, RefusesEncryptionAndOtherMethods) {
  const auto parse = [](const std::string& bytes) { parse_npz(bytes, "a.npz"); };
  std::string encrypted = to_npz(examples());
  encrypted[encrypted.find("PK\x01\x02") + 8] |= 1;
  EXPECT_ERROR(parse(encrypted), NotSupported,
               "'a.npz': 'empty.npy' is encrypted or compressed by another method than deflate");
  constexpr char kWavPack = 97;
  std::string other = to_npz(examples());
  other[other.find("PK\x01\x02") + 10] = kWavPack;
  EXPECT_ERROR(parse(other), NotSupported, "is encrypted or compressed by another method than deflate");
}

TEST(NpyGarbage, IsAlwaysATypedError) {
  for (const auto& [name, array] : examples()) {
    test::expect_garbage_safe([](std::string_view bytes) { read_array(bytes); }, to_npy(array));
    test::expect_truncation_is_an_error([](std::string_view bytes) { read_array(bytes); }, to_npy(array));
    test::expect_random_bytes_safe([](std::string_view bytes) { read_array(bytes); }, to_npy(array));
  }
  const auto parse = [](std::string_view bytes) { parse_npz(bytes, "a.npz"); };
  for (const NpzCompression compression : {NpzCompression::kStored, NpzCompression::kDeflated}) {
    test::expect_garbage_safe(parse, to_npz(examples(), compression));
    test::expect_truncation_is_an_error(parse, to_npz(examples(), compression));
    test::expect_random_bytes_safe(parse, to_npz(examples(), compression));
  }
}

}  // namespace
}  // namespace costate

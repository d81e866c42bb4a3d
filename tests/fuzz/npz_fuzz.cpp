// Archives of arrays; what is read is written, stored, and read again.
#include "costate/io/npy.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using costate::NpzCompression;
  costate::fuzz::reads([&] {
    const auto arrays = costate::parse_npz(costate::fuzz::text_of(data, size), "a.npz");
    std::string bytes;
    // A name on several lines is read, and refused when written.
    if (!costate::fuzz::reads([&] { bytes = costate::to_npz(arrays, NpzCompression::kStored); })) return;
    std::string again;
    const bool is_read = costate::fuzz::reads(
        [&] { again = costate::to_npz(costate::parse_npz(bytes, "again.npz"), NpzCompression::kStored); });
    costate::fuzz::require(is_read && again == bytes, "arrays that are written are read as they were");
  });
  return 0;
}

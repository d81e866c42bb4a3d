// One array of NumPy's; what is read is written and read again, to the byte.
#include "costate/io/npy.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  costate::fuzz::reads([&] {
    const costate::HostArray array = costate::parse_npy(costate::fuzz::text_of(data, size), "a.npy");
    std::string bytes;
    if (!costate::fuzz::reads([&] { bytes = costate::to_npy(array); })) return;  // of too many axes
    std::string again;
    const bool is_read = costate::fuzz::reads([&] { again = costate::to_npy(costate::parse_npy(bytes, "again.npy")); });
    costate::fuzz::require(is_read && again == bytes, "an array that is written is read as it was");
  });
  return 0;
}

// Images and labels as MNIST has them, gzipped or not.
#include "costate/io/idx.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  costate::fuzz::reads([&] { costate::parse_idx(costate::fuzz::text_of(data, size), "images"); });
  return 0;
}

// Model files; what is read is written and read again, to the byte.
#include "costate/io/safetensors.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  costate::fuzz::reads([&] {
    const costate::ArrayFile file = costate::parse_safetensors(costate::fuzz::text_of(data, size), "model.safetensors");
    const std::string bytes = costate::to_safetensors(file);
    std::string again;
    const bool is_read = costate::fuzz::reads(
        [&] { again = costate::to_safetensors(costate::parse_safetensors(bytes, "again.safetensors")); });
    costate::fuzz::require(is_read && again == bytes, "a model that is written is read as it was");
  });
  return 0;
}

// Configuration as TOML; what is read is written and read again.
#include "costate/io/toml.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  costate::fuzz::reads([&] {
    const costate::Config config = costate::parse_toml(costate::fuzz::text_of(data, size), "config.toml");
    costate::fuzz::reads([&] { costate::check_config_format(config); });
    const std::string text = config.to_toml();
    std::string again;
    const bool is_read = costate::fuzz::reads([&] { again = costate::parse_toml(text, "again.toml").to_toml(); });
    costate::fuzz::require(is_read && again == text, "a config that is written is read as it was");
  });
  return 0;
}

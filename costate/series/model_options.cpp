#include "costate/series/model_options.h"

#include <charconv>

#include "costate/base/error.h"

namespace costate {

std::string name(const Memory& memory) {
  if (memory.is_chosen()) return "auto";
  return memory.states == 0 ? "none" : std::to_string(memory.states);
}

Memory memory_from_name(const std::string& name) {
  constexpr std::int64_t kMost = 16;
  if (name == "auto") return {};
  if (name == "none") return {0};
  Memory memory;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), memory.states);
  if (error != std::errc() || end != name.data() + name.size() || memory.states < 0 || memory.states > kMost)
    throw InvalidArgument("[fit] memory must be 'auto', 'none' or a number of hidden states up to ", kMost, "; got '",
                          name, "'.");
  return memory;
}

}  // namespace costate

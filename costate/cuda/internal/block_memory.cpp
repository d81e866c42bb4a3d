#include "costate/cuda/internal/block_memory.h"

#include "costate/base/text.h"

namespace costate::internal {

std::string BlockMemory::add(const std::string& type, std::size_t size_of_type, const std::string& name,
                             std::size_t count) {
  const std::size_t bytes = padded_bytes(count * size_of_type);
  const bool is_shared = has_room(bytes);
  std::size_t& used = is_shared ? shared_ : global_;
  const std::string declaration = text::concat("  ", type, " *const ", name, " = reinterpret_cast<", type, " *>(",
                                               is_shared ? "costate_shared" : "costate_global", " + ", used, ");\n");
  used += bytes;
  return declaration;
}

}  // namespace costate::internal

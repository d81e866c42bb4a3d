#include "costate/cuda/internal/kernel_cache.h"

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "costate/base/digest.h"
#include "costate/base/text.h"

namespace costate::internal {
namespace {

namespace fs = std::filesystem;

std::string value_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

/// "COUNT\n", as many bytes of the key, and the code.
std::string head_of(const std::string& key) { return std::to_string(key.size()) + "\n" + key; }

}  // namespace

fs::path KernelCache::default_folder() {
  if (const std::string named = value_of("COSTATE_KERNEL_CACHE"); !named.empty()) return named;
  const std::string cache = value_of("XDG_CACHE_HOME"), home = value_of("HOME");
  if (cache.empty() && home.empty()) return {};
  return (cache.empty() ? fs::path(home) / ".cache" : fs::path(cache)) / "costate" / "kernels";
}

fs::path KernelCache::file_of(const std::string& key) const {
  std::ostringstream name;
  name << std::hex << fnv1a(key) << ".cubin";
  return folder_ / name.str();
}

std::optional<std::string> KernelCache::find(const std::string& key) const {
  if (folder_.empty()) return std::nullopt;
  std::ifstream in(file_of(key), std::ios::binary);
  if (!in) return std::nullopt;
  const std::string bytes(std::istreambuf_iterator<char>(in), {}), head = head_of(key);
  if (!bytes.starts_with(head)) return std::nullopt;
  return bytes.substr(head.size());
}

void KernelCache::keep(const std::string& key, const std::string& code) const {
  if (folder_.empty()) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  const fs::path file = file_of(key), draft = text::concat(file.string(), ".", ::getpid());
  std::ofstream out(draft, std::ios::binary);
  out << head_of(key) << code;
  out.close();
  if (out)
    fs::rename(draft, file, error);  // whole, or not at all
  else
    fs::remove(draft, error);
}

}  // namespace costate::internal

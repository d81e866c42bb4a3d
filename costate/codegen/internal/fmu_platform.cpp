#include "costate/codegen/internal/fmu_platform.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "costate/base/error.h"

namespace costate::internal {
namespace {

struct Spelling {
  std::string_view of_compilers, of_fmi;
};
constexpr Spelling kProcessors[] = {{"x86_64", "x86_64"},   {"amd64", "x86_64"}, {"i386", "x86"},
                                    {"i486", "x86"},        {"i586", "x86"},     {"i686", "x86"},
                                    {"aarch64", "aarch64"}, {"arm64", "aarch64"}};

std::string_view processor_of(std::string_view target) {
  const auto* found = std::ranges::find(kProcessors, target.substr(0, target.find('-')), &Spelling::of_compilers);
  return found == std::end(kProcessors) ? std::string_view() : found->of_fmi;
}

std::string_view system_of(std::string_view target) {
  for (const std::string_view system : {"linux", "darwin"})
    if (target.find("-" + std::string(system)) != std::string_view::npos) return system;
  return {};
}

}  // namespace

FmuPlatform fmu_platform(const std::string& target, FmiVersion version) {
  const std::string processor(processor_of(target)), system(system_of(target));
  if (processor.empty() || system.empty())
    throw NotSupported(
        "[export] an FMU holds a binary for Linux or macOS on x86, x86-64 or 64-bit Arm; the C compiler, cc, makes one "
        "for '",
        target, "'.");
  const std::string bits = processor == "x86_64" ? "64" : processor == "x86" ? "32" : "";
  const bool has_own_name = version == FmiVersion::k2 && !bits.empty();
  return {.folder = "binaries/" + (has_own_name ? system + bits : processor + "-" + system) + "/",
          .ending = system == "darwin" ? ".dylib" : ".so"};
}

}  // namespace costate::internal

#include "costate/base/memory.h"

#include <cmath>
#include <cstddef>
#include <fstream>
#include <string>

#ifdef __GLIBC__
extern "C" int malloc_trim(std::size_t) noexcept;  // of glibc's malloc.h; this stage includes standard headers alone
#endif

namespace costate {
namespace {

/// A size that the kernel tells of this process, in bytes.
double process_size(const std::string& key) {
  std::ifstream status("/proc/self/status");
  std::string word;
  double kilobytes = std::nan("");
  while (status >> word)
    if (word == key) status >> kilobytes;
  return 1024 * kilobytes;
}

}  // namespace

double peak_memory(const std::function<void()>& work) {
#ifdef __GLIBC__
  malloc_trim(0);  // what earlier work has freed is not there to be used again
#endif
  std::ofstream("/proc/self/clear_refs") << "5";  // the high-water mark starts anew
  const double before = process_size("VmRSS:");
  work();
  const double held = process_size("VmHWM:") - before;
  return held < 0 ? 0 : held;
}

}  // namespace costate

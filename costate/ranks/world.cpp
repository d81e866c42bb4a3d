#include "costate/ranks/world.h"

#include <dlfcn.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "costate/base/error.h"

namespace costate {
namespace {

namespace fs = std::filesystem;

constexpr const char *kObject = "libcostate_mpi.so", *kStart = "costate_start_mpi";

int number_of(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  int number = otherwise;
  if (text != nullptr) std::from_chars(text, text + std::string_view(text).size(), number);
  return number < otherwise ? otherwise : number;
}

void* load() {
  std::error_code ignored;
  const fs::path here = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  std::string reason;
  for (const fs::path& place : {here / kObject, here / "../lib/costate" / kObject}) {
    if (void* object = ::dlopen(place.c_str(), RTLD_NOW | RTLD_GLOBAL)) return object;
    if (fs::exists(place, ignored) || reason.empty()) reason = ::dlerror();
  }
  throw NotSupported("[mpi] this is one of ", num_started(), " processes of mpirun, and what shares work among them, ",
                     kObject, ", cannot be loaded (", reason,
                     "). Build Costate where Open MPI is installed, or run it without mpirun.");
}

}  // namespace

int num_started() { return number_of("OMPI_COMM_WORLD_SIZE", 1); }

int started_rank() { return number_of("OMPI_COMM_WORLD_RANK", 0); }

int num_started_here() { return number_of("OMPI_COMM_WORLD_LOCAL_SIZE", 1); }

World* start_world() {
  if (num_started() == 1) return nullptr;
  using Start = World* (*)();
  const auto start = reinterpret_cast<Start>(::dlsym(load(), kStart));
  COSTATE_CHECK(start != nullptr, kObject, " has no ", kStart);
  return start();
}

}  // namespace costate

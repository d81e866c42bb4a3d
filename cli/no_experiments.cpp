// costate reproduce where the experiments are not built (COSTATE_BUILD_EXPERIMENTS), in place of reproduce.cpp.
#include "cli/commands.h"
#include "costate/base/base.h"

namespace costate::cli {

void add_reproduce(CommandLine& line) {
  line.add_command("reproduce", "Run an experiment of docs/experiments.md (not in this build)",
                   []() -> int {
                     throw InvalidArgument(
                         "this build has no experiments; 'cmake --preset release && cmake --build --preset release' "
                         "builds them.");
                   })
      .take_all();
}

}  // namespace costate::cli

#include "costate/data/systems.h"

#include "costate/base/error.h"
#include "costate/data/internal/families.h"

namespace costate {

const std::vector<System>& systems() {
  static const std::vector<System> all = [] {
    std::vector<System> joined;
    for (const auto& family : {internal::mechanical_systems(), internal::oscillators(), internal::population_systems()})
      joined.insert(joined.end(), family.begin(), family.end());
    return joined;
  }();
  return all;
}

const System& find_system(const std::string& name) {
  std::vector<std::string> known;
  for (const System& system : systems()) {
    if (system.name == name) return system;
    known.push_back(system.name);
  }
  throw InvalidArgument("[simulate] ", text::unknown_name("system", name, known));
}

}  // namespace costate

#include <cstdio>

#include "costate/exec/program.h"
#include "costate/graph/trace.h"

namespace cs = costate;

int main() {
  const cs::Function f = cs::trace([](cs::Array t, cs::Array z) { return cs::sin(t) * z; }, {{"t", {}}, {"z", {2}}});
  const cs::RunResult result =
      cs::compile(f).run({cs::HostArray::vector({1.0}), cs::HostArray::vector({1.0, 2.0}).reshape({1, 2})});
  std::printf("%g %g\n", result.outputs[0].at(0), result.outputs[0].at(1));
}

#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

int main() {
  const cs::Parameter rate("rate", cs::HostArray::vector({0.5}));
  const cs::VectorField decay = cs::vector_field({1}, [&](cs::Array, cs::Array z) { return -(rate * z); });
  const cs::Function end = cs::trace(
      [&](cs::Array z0) {
        return cs::sum(cs::solve(decay, z0, cs::constant(cs::HostArray::vector({0, 1})))[1]);
      },
      {{"z0", {1}}});
  const cs::RunResult result = cs::compile(cs::value_and_grad(end, std::vector<cs::Parameter>{rate}))
                                   .run({cs::HostArray({1, 1}, std::vector<double>{2})});
  std::printf("z(1) = %.5f, dz(1)/drate = %.5f\n", result.outputs[0].at(0), result.outputs[1].at(0));
}

// Mistakes that the types refuse. Without a macro all of this compiles; -DMISTAKE_… puts one mistake in the place of
// what is right. Its name and the compiler's sentence are rows of CMakeLists.txt beside this file.
#include "costate/exec/program.h"
#include "costate/graph/extension.h"
#include "costate/graph/trace.h"
#include "costate/io/run_folder.h"
#include "costate/solve/solve.h"

namespace costate {

Array branch(const Array& x, const Array& y) {
#ifdef MISTAKE_BRANCH_ON_A_TRACED_VALUE  // which is not known while the code is traced
  if (x < y) return x;
  return y;
#else
  return where(x < y, x, y);
#endif
}

Array number(const HostArray& weights, const Array& x) {
#ifdef MISTAKE_NUMBERS_IN_A_TRACE  // constants of the program, or a Parameter that can be trained? It must be said
  return matmul(weights, x);
#else
  return matmul(constant(weights), x);
#endif
}

void choose(SolveOptions& options) {
#ifdef MISTAKE_METHOD_AS_TEXT
  options.method = "dopri5";
#else
  options.method = method_from_name("dopri5");
#endif
#ifdef MISTAKE_ADJOINT_AS_A_SWITCH
  options.adjoint = true;
#else
  options.adjoint = Adjoint::kBacksolve;
#endif
}

Solution operands(const VectorField& field, const HostArray& z0, const HostArray& times) {
#ifdef MISTAKE_START_BEFORE_FIELD
  return solve(z0, field, times);
#else
  return solve(field, z0, times);
#endif
}

HostArray times() {
#ifdef MISTAKE_SHAPE_FOR_NUMBERS  // three zeros
  return Shape{3};
#else
  return HostArray::vector({0, 1, 2});
#endif
}

Function traced(const VectorField& field) {
#ifdef MISTAKE_TRACE_ON_NUMBERS
  return trace([](const HostArray& z) { return z; }, {{"z", {2}}});
#else
  return trace([&](Array z) { return solve(field, z, constant(times())); }, {{"z", {2}}});
#endif
}

void change(const Function& function) {
#ifdef MISTAKE_CHANGE_OF_A_FUNCTION  // programs share it
  function.nodes()[0].op = Op::kNeg;
#else
  std::vector<Node> nodes = function.nodes();
  nodes[0].op = Op::kNeg;
#endif
}

void change_of_an_extension(const Node& node) {
#ifdef MISTAKE_CHANGE_OF_AN_EXTENSION  // so do they share its extensions
  const std::shared_ptr<Extension> own = node.extension;
#else
  const std::shared_ptr<const Extension> own = node.extension;
#endif
}

void lock(const std::filesystem::path& folder) {
  RunLock first(folder);
#ifdef MISTAKE_TWO_OWNERS_OF_A_LOCK
  RunLock second = first;
#else
  RunLock& second = first;
#endif
  static_cast<void>(second);
}

}  // namespace costate

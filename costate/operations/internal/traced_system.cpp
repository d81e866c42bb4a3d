#include "costate/operations/internal/traced_system.h"

#include <span>
#include <utility>

#include "costate/base/error.h"
#include "costate/graph/simplify.h"
#include "costate/graph/trace.h"

namespace costate::internal {

TracedSystem trace_system(const char* where, const std::function<Array(Array)>& f, const Shape& shape) {
  CapturingFunction traced =
      trace_capturing({{"x", shape}}, [&](std::span<const Array> in) { return std::vector<Array>{f(in[0])}; });
  TracedSystem system{.function = simplify(traced.function), .arguments = std::move(traced.captured)};
  if (!(system.function.output_shape(0) == shape))
    throw ShapeError("[", where, "] f must give what it takes, ", shape, "; got ", system.function.output_shape(0),
                     ".");
  for (const Input& input : system.function.inputs())
    if (input.parameter) system.arguments.emplace_back(*input.parameter);
  return system;
}

}  // namespace costate::internal

#include "costate/graph/trace.h"

#include "costate/graph/internal/builder.h"

namespace costate {

Function trace_list(const std::vector<ArgumentSpec>& arguments,
                    const std::function<std::vector<Array>(std::span<const Array>)>& callable) {
  internal::GraphBuilder builder;
  const internal::BuilderScope scope(builder);
  std::vector<Array> inputs;
  for (const ArgumentSpec& argument : arguments)
    inputs.push_back(builder.input(argument.name, argument.kind, argument.shape));
  return builder.finish(callable(inputs));
}

}  // namespace costate

#include "costate/solve/steady_state.h"

#include <vector>

#include "costate/base/error.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/field_inputs.h"
#include "costate/solve/internal/flat_state.h"

namespace costate {

Array steady_state(const VectorField& field, Operand guess, const SteadyStateOptions& options,
                   std::span<const Array> given) {
  const std::int64_t size = field.state_size();
  if (guess.array.shape().size() != size)
    throw ShapeError("[steady_state] the guess must hold the ", size, " numbers of the field's state; got shape ",
                     guess.array.shape(), ".");
  const std::vector<Array> arguments = internal::arguments_of(field, given, "steady_state");
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (!(arguments[i].shape() == field.arguments()[i].shape))
      throw ShapeError("[steady_state] argument '", field.arguments()[i].name, "' must have shape ",
                       field.arguments()[i].shape, "; got ", arguments[i].shape(), ".");
  const auto rate = [&](const Array& z) {
    std::vector<Array> inputs = {constant(options.t)};
    for (const Array& part : internal::split_state(z, field.parts())) inputs.push_back(part);
    inputs.insert(inputs.end(), arguments.begin(), arguments.end());
    internal::append_parameters(field.function(), inputs);
    return internal::join_state(internal::inline_function(field.function(), inputs));
  };
  return root(rate, reshape(guess, {size}), options.root);
}

}  // namespace costate

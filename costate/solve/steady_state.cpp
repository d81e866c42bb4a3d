#include "costate/solve/steady_state.h"

#include <vector>

#include "costate/base/error.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/flat_state.h"

namespace costate {

Array steady_state(const VectorField& field, Operand guess, const SteadyStateOptions& options,
                   std::span<const Array> given) {
  const std::int64_t size = field.state_size();
  if (guess.array.shape().size() != size)
    throw ShapeError("[steady_state] the guess must hold the ", size, " numbers of the field's state; got shape ",
                     guess.array.shape(), ".");
  if (given.size() + field.captured().size() != field.arguments().size())
    throw InvalidArgument("[steady_state] the field takes ", field.arguments().size() - field.captured().size(),
                          " arguments; got ", given.size(), ".");
  std::vector<Array> arguments(given.begin(), given.end());
  arguments.insert(arguments.end(), field.captured().begin(), field.captured().end());
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (!(arguments[i].shape() == field.arguments()[i].shape))
      throw ShapeError("[steady_state] argument '", field.arguments()[i].name, "' must have shape ",
                       field.arguments()[i].shape, "; got ", arguments[i].shape(), ".");
  const auto rate = [&](const Array& z) {
    std::vector<Array> inputs = {constant(options.t)};
    for (const Array& part : internal::split_state(z, field.parts())) inputs.push_back(part);
    inputs.insert(inputs.end(), arguments.begin(), arguments.end());
    for (const Input& input : field.function().inputs())
      if (input.parameter) inputs.emplace_back(*input.parameter);
    return internal::join_state(internal::inline_function(field.function(), inputs));
  };
  return root(rate, reshape(guess, {size}), options.root);
}

}  // namespace costate

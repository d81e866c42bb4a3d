#include "costate/solve/internal/field_inputs.h"

#include "costate/base/error.h"

namespace costate::internal {

std::vector<Array> arguments_of(const VectorField& field, std::span<const Array> given, const char* caller) {
  if (given.size() + field.captured().size() != field.arguments().size())
    throw InvalidArgument("[", caller, "] the field takes ", field.arguments().size() - field.captured().size(),
                          " arguments; got ", given.size(), ".");
  std::vector<Array> arguments(given.begin(), given.end());
  arguments.insert(arguments.end(), field.captured().begin(), field.captured().end());
  return arguments;
}

void append_parameters(const Function& function, std::vector<Array>& inputs) {
  for (const Input& input : function.inputs())
    if (input.parameter) inputs.emplace_back(*input.parameter);
}

}  // namespace costate::internal

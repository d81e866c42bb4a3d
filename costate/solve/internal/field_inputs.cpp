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

std::vector<ArgumentSpec> inputs_of_code(const VectorField& field) {
  const std::size_t num_arguments = field.arguments().size() - field.captured().size();
  std::vector<ArgumentSpec> inputs = {{"t", {}}};
  for (const StatePart& part : field.parts()) inputs.push_back({part.name, part.shape});
  inputs.insert(inputs.end(), field.arguments().begin(),
                field.arguments().begin() + static_cast<std::ptrdiff_t>(num_arguments));
  return inputs;
}

void append_parameters(const Function& function, std::vector<Array>& inputs) {
  for (const Input& input : function.inputs())
    if (input.parameter) inputs.emplace_back(*input.parameter);
}

}  // namespace costate::internal

#include "costate/graph/graph.h"

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/empty_function.h"

namespace costate {

Parameter::Parameter(std::string name, HostArray value)
    : state_(std::make_shared<State>(State{std::move(name), std::move(value)})) {
  if (state_->name.empty()) throw InvalidArgument("[Parameter] the name is empty; files and messages call it by one.");
}

void Parameter::set_value(HostArray value) const {
  if (!(value.shape() == shape()))
    throw ShapeError("[Parameter.set_value] '", name(), "' has shape ", shape(), "; got ", value.shape(), ".");
  state_->value = std::move(value);
}

std::span<double> Parameter::numbers() const {
  if (state_->value.dtype() != Dtype::kF64) state_->value = state_->value.astype(Dtype::kF64);
  return state_->value.data<double>();
}

Function::Function(std::vector<Node> nodes, std::vector<Input> inputs, std::vector<Output> outputs)
    : data_(std::make_shared<const Data>(Data{std::move(nodes), std::move(inputs), std::move(outputs)})) {}

void internal::refuse_empty(const Function& function, std::string_view who) {
  if (function.is_empty()) throw InvalidArgument("[", who, "] the function is empty; make one by trace().");
}

std::vector<Parameter> Function::parameters() const {
  std::vector<Parameter> parameters;
  for (const Input& input : inputs())
    if (input.parameter) parameters.push_back(*input.parameter);
  return parameters;
}

std::shared_ptr<const BatchOp> Extension::lower_batch(const BatchOpContext&) const { return nullptr; }

std::vector<Array> Extension::vjp(std::span<const Array>, const Array&, const Array&, const std::vector<bool>&) const {
  throw NotSupported("[vjp] operation '", name(),
                     "' has no reverse derivative rule; differentiate it with jvp, or stop ",
                     "the gradient before it with stop_gradient.");
}

Array Extension::jvp(std::span<const Array>, const Array&, std::span<const Array>) const {
  throw NotSupported("[jvp] operation '", name(),
                     "' has no forward derivative rule; differentiate it with vjp, or stop ",
                     "the gradient before it with stop_gradient.");
}

}  // namespace costate

#include "costate/nn/activations.h"

#include "costate/base/names.h"

namespace costate {
namespace {

constexpr std::string_view kActivations[] = {"identity", "tanh", "relu", "sigmoid", "softplus",
                                             "elu",      "gelu", "silu", "sin"};

}  // namespace

std::string name(Activation activation) { return spelling(activation, kActivations); }

Activation activation_from_name(const std::string& name) {
  return from_spelling<Activation>("activation", "activation", name, kActivations);
}

Array activate(Activation activation, const Array& x) {
  switch (activation) {
    case Activation::kIdentity:
      return x;
    case Activation::kTanh:
      return tanh(x);
    case Activation::kRelu:
      return relu(x);
    case Activation::kSigmoid:
      return sigmoid(x);
    case Activation::kSoftplus:
      return softplus(x);
    case Activation::kElu:
      return elu(x);
    case Activation::kGelu:
      return gelu(x);
    case Activation::kSilu:
      return silu(x);
    case Activation::kSin:
      return sin(x);
  }
  throw InternalError("[activate] no such activation.");
}

}  // namespace costate

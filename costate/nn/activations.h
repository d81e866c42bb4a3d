// Activations by name.
#pragma once

#include <string>

#include "costate/graph/array.h"

namespace costate {

enum class Activation { kIdentity, kTanh, kRelu, kSigmoid, kSoftplus, kElu, kGelu, kSilu, kSin };

/// "tanh": the spelling on the command line, in Python and in files.
std::string name(Activation activation);
/// InvalidArgument, with the nearest name, if there is none.
Activation activation_from_name(const std::string& name);

/// The activation of each element.
Array activate(Activation activation, const Array& x);

}  // namespace costate

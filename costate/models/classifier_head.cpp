#include "costate/models/classifier_head.h"

#include "costate/graph/pooling.h"
#include "costate/models/image_norm.h"
#include "costate/nn/join_parameters.h"

namespace costate {

ClassifierHead::ClassifierHead(const ClassifierHeadOptions& options)
    : options_(options),
      norm_(image_norm(options.channels, options.name + ".norm")),
      linear_({.inputs = options.channels,
               .outputs = options.classes,
               .init = Init::kTorchUniform,
               .source = options.source,
               .name = options.name + ".linear"}),
      parameters_(join_parameters(norm_, linear_)) {}

Array ClassifierHead::operator()(const Array& x) const { return linear_(global_average(relu(norm_(x)))); }

}  // namespace costate

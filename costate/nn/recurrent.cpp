#include "costate/nn/recurrent.h"

#include "costate/base/error.h"

namespace costate {
namespace {

/// The layer of [x, h] that part `stream` of a cell is made of.
Linear layer(const RecurrentOptions& options, const std::string& name, std::uint64_t stream) {
  if (options.inputs < 1 || options.hidden < 1)
    throw InvalidArgument("[RecurrentOptions] inputs and hidden must be at least 1; got inputs = ", options.inputs,
                          ", hidden = ", options.hidden, ".");
  return Linear({.inputs = options.inputs + options.hidden,
                 .outputs = options.hidden,
                 .init = options.init,
                 .source = {.seed = options.seed, .stream = stream},
                 .name = name});
}

/// [x, h] for a layer. ShapeError unless x fits beside the h that the layer gives.
Array beside(const Array& x, const Array& h, const Linear& layer) {
  const Shape& weight = layer.parameters()[0].shape();
  if (!(x.shape() == Shape{weight[1] - weight[0]}) || !(h.shape() == Shape{weight[0]}))
    throw ShapeError("[", layer.parameters()[0].name(), "] x must have shape [", weight[1] - weight[0],
                     "] and h shape [", weight[0], "]; got ", x.shape(), " and ", h.shape(), ".");
  return concat({x, h});
}

}  // namespace

RnnCell::RnnCell(const RecurrentOptions& options) : options_(options), next_(layer(options, options.name, 0)) {}

Array RnnCell::operator()(const Array& x, const Array& h) const { return tanh(next_(beside(x, h, next_))); }

GruCell::GruCell(const RecurrentOptions& options)
    : options_(options),
      reset_(layer(options, options.name + ".reset", 0)),
      update_(layer(options, options.name + ".update", 1)),
      candidate_(layer(options, options.name + ".candidate", 2)) {
  for (const Linear* part : {&reset_, &update_, &candidate_})
    parameters_.insert(parameters_.end(), part->parameters().begin(), part->parameters().end());
}

Array GruCell::operator()(const Array& x, const Array& h) const {
  const Array both = beside(x, h, reset_);
  const Array r = sigmoid(reset_(both));
  const Array z = sigmoid(update_(both));
  const Array c = tanh(candidate_(concat({x, r * h})));
  return z * h + (1.0 - z) * c;
}

}  // namespace costate

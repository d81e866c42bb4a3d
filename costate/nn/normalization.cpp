#include "costate/nn/normalization.h"

#include <algorithm>

#include "costate/base/error.h"
#include "costate/operations/internal/check_eps.h"
#include "costate/operations/normalize.h"

namespace costate {
namespace {

std::vector<Parameter> ones_and_zeros(const std::string& name, const Shape& shape) {
  return {{name + ".weight", HostArray(shape, std::vector<double>(static_cast<std::size_t>(shape.size()), 1.0))},
          {name + ".bias", HostArray(shape)}};
}

}  // namespace

GroupNorm::GroupNorm(const GroupNormOptions& options) : options_(options) {
  if (options.groups < 1 || options.channels < 1 || options.channels % options.groups != 0)
    throw InvalidArgument("[GroupNorm] groups must divide the channels, both at least 1; got ", options.groups,
                          " groups of ", options.channels, " channels.");
  internal::check_eps("GroupNorm", options.eps);
  parameters_ = ones_and_zeros(options.name, {options.channels});
}

Array GroupNorm::operator()(const Array& x) const {
  const Shape shape = x.shape();
  if (shape.rank() < 1 || shape[0] != options_.channels)
    throw ShapeError("[GroupNorm] '", parameters_[0].name(), "' takes feature maps of shape [", options_.channels,
                     ", …]; got ", shape, ".");
  std::vector<std::int64_t> one_a_channel(static_cast<std::size_t>(shape.rank()), 1);
  one_a_channel[0] = options_.channels;
  const Array normal = group_norm(x, options_.groups, options_.eps);
  const Array scaled = normal * reshape(parameters_[0], Shape(one_a_channel));
  return scaled + reshape(parameters_[1], Shape(one_a_channel));
}

LayerNorm::LayerNorm(const LayerNormOptions& options) : options_(options) {
  if (options.shape.empty() || std::ranges::any_of(options.shape, [](std::int64_t length) { return length < 1; }))
    throw InvalidArgument("[LayerNorm] the shape needs at least one axis, of at least 1; got [",
                          text::join(options.shape), "].");
  internal::check_eps("LayerNorm", options.eps);
  parameters_ = ones_and_zeros(options.name, Shape(options.shape));
}

Array LayerNorm::operator()(const Array& x) const {
  const auto rank = static_cast<std::ptrdiff_t>(options_.shape.size());
  const std::vector<std::int64_t> axes = x.shape().axes();
  if (std::ssize(axes) < rank || !std::equal(axes.end() - rank, axes.end(), options_.shape.begin()))
    throw ShapeError("[LayerNorm] '", parameters_[0].name(), "' takes arrays whose last axes are [",
                     text::join(options_.shape), "]; got ", x.shape(), ".");
  std::vector<std::int64_t> last;
  for (std::ptrdiff_t axis = std::ssize(axes) - rank; axis < std::ssize(axes); ++axis) last.push_back(axis);
  const Array scaled = layer_norm(x, last, options_.eps) * parameters_[0];
  return scaled + parameters_[1];
}

}  // namespace costate

#include "costate/graph/internal/pooling.h"

#include <algorithm>
#include <cmath>

#include "costate/base/error.h"

namespace costate::internal {
namespace {

bool goes_to_image(Op op) { return op == Op::kAvgPoolInput || op == Op::kMaxPoolInput; }

PoolAxis pool_axis(std::int64_t length, std::size_t axis, const std::vector<std::int64_t>& attributes) {
  PoolAxis along{
      .length = length, .kernel = attributes[axis], .stride = attributes[axis + 2], .padding = attributes[axis + 4]};
  COSTATE_CHECK(along.kernel >= 1 && along.stride >= 1 && along.padding >= 0 && along.padding <= along.kernel / 2,
                "an attribute of a pool is out of range");
  const std::int64_t padded = length + 2 * along.padding;
  if (length < 1 || along.kernel > padded)
    throw ShapeError("a kernel of ", along.kernel, " does not fit into an axis of ", length);
  along.count = (padded - along.kernel) / along.stride + 1;
  return along;
}

Shape pooled_from(const PoolGeometry& geometry) {
  return {geometry.channels, geometry.rows.length, geometry.columns.length};
}
Shape pooled_to(const PoolGeometry& geometry) {
  return {geometry.channels, geometry.rows.count, geometry.columns.count};
}

/// The place of each window's maximum.
std::vector<std::size_t> places_of(const PoolGeometry& geometry, const std::vector<double>& x) {
  std::vector<std::size_t> places(static_cast<std::size_t>(pooled_to(geometry).size()), x.size());
  for_windows(geometry, [&](std::int64_t window, std::int64_t number) {
    std::size_t& place = places[static_cast<std::size_t>(window)];
    const auto at = static_cast<std::size_t>(number);
    if (place == x.size() || x[at] > x[place] || std::isnan(x[at])) place = at;
  });
  return places;
}

}  // namespace

std::int64_t PoolAxis::first(std::int64_t i) const { return std::max<std::int64_t>(0, i * stride - padding); }
std::int64_t PoolAxis::end(std::int64_t i) const { return std::min(length, i * stride - padding + kernel); }

PoolGeometry pool_geometry(Op op, std::span<const Shape> operands, const std::vector<std::int64_t>& attributes,
                           const Shape& target) {
  COSTATE_CHECK(attributes.size() == 6, "a pool has six attributes");
  const Shape& image = op == Op::kAvgPoolInput ? target : operands[0];
  if (image.rank() != 3) throw ShapeError("the image must be [channels, height, width]");
  const PoolGeometry geometry{
      .channels = image[0], .rows = pool_axis(image[1], 0, attributes), .columns = pool_axis(image[2], 1, attributes)};
  if (op == Op::kMaxPool && !(operands[1] == image)) throw ShapeError("both images must have the same shape");
  if (goes_to_image(op) && !(operands.back() == pooled_to(geometry)))
    throw ShapeError("the result's cotangent must be ", pooled_to(geometry), ", not ", operands.back());
  return geometry;
}

Shape pool_shape(Op op, const PoolGeometry& geometry) {
  return goes_to_image(op) ? pooled_from(geometry) : pooled_to(geometry);
}

void for_windows(const PoolGeometry& geometry, const std::function<void(std::int64_t, std::int64_t)>& visit) {
  const PoolAxis &rows = geometry.rows, &columns = geometry.columns;
  for (std::int64_t channel = 0, window = 0; channel < geometry.channels; ++channel)
    for (std::int64_t i = 0; i < rows.count; ++i)
      for (std::int64_t j = 0; j < columns.count; ++j, ++window)
        for (std::int64_t row = rows.first(i); row < rows.end(i); ++row)
          for (std::int64_t column = columns.first(j); column < columns.end(j); ++column)
            visit(window, (channel * rows.length + row) * columns.length + column);
}

std::vector<double> interpret_pool(const Node& node, std::span<const std::vector<double>> operands,
                                   std::span<const Shape> shapes) {
  const PoolGeometry geometry = pool_geometry(node.op, shapes, node.indices, node.shape);
  std::vector<double> out(static_cast<std::size_t>(node.shape.size()), 0.0);
  if (node.op == Op::kAvgPool || node.op == Op::kAvgPoolInput) {
    for_windows(geometry, [&](std::int64_t window, std::int64_t number) {
      const auto from = static_cast<std::size_t>(node.op == Op::kAvgPool ? number : window);
      out[static_cast<std::size_t>(node.op == Op::kAvgPool ? window : number)] += operands[0][from];
    });
    for (double& sum : out) sum /= static_cast<double>(geometry.window_size());
    return out;
  }
  const std::vector<std::size_t> places = places_of(geometry, operands[0]);
  for (std::size_t window = 0; window < places.size(); ++window) {
    if (node.op == Op::kMaxPool)
      out[window] = operands[1][places[window]];
    else
      out[places[window]] += operands[1][window];
  }
  return out;
}

}  // namespace costate::internal

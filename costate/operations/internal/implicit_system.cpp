#include "costate/operations/internal/implicit_system.h"

#include <algorithm>

#include "costate/diff/diff.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/simplify.h"
#include "costate/graph/trace.h"

namespace costate::internal {
namespace {

/// The inputs of f, all of one kind and none of them a Parameter any more.
std::vector<ArgumentSpec> inputs_of(const Function& f, InputKind kind) {
  std::vector<ArgumentSpec> all;
  for (const Input& input : f.inputs()) all.push_back({text::concat("in", all.size()), input.shape, kind});
  return all;
}

Function with_inputs_of(const Function& f, InputKind kind) {
  return simplify(trace_list(inputs_of(f, kind),
                             [&](std::span<const Array> in) { return std::vector<Array>{inline_function(f, in)[0]}; }));
}

constexpr std::size_t kOfX[] = {0};

/// (x, arguments, v) -> J v. The direction belongs to a lane, whatever the others are.
Function tangent_of(const Function& value) {
  const Function both = jvp(value, kOfX, InputKind::kSample);
  std::vector<ArgumentSpec> inputs;
  for (const Input& input : both.inputs())
    inputs.push_back({text::concat("in", inputs.size()), input.shape, input.kind});
  return simplify(
      trace_list(inputs, [&](std::span<const Array> in) { return std::vector<Array>{inline_function(both, in)[1]}; }));
}

Function cotangent_of(const Function& value) {
  const Function both = vjp(value, kOfX);
  return simplify(trace_list(inputs_of(both, InputKind::kSample), [&](std::span<const Array> in) {
    return std::vector<Array>{inline_function(both, in)[1]};
  }));
}

}  // namespace

ImplicitSystem::ImplicitSystem(const Function& f, const IndexLists& rows, LinearMethod method)
    : size_(static_cast<std::size_t>(f.output_shape(0).size())),
      method_(method),
      columns_(rows.transposed(size_)),
      colors_(color_columns(rows, columns_)),
      num_colors_(static_cast<std::size_t>(*std::max_element(colors_.begin(), colors_.end()) + 1)),
      value_(with_inputs_of(f, InputKind::kSample)),
      tangent_(tangent_of(value_)),
      cotangent_(cotangent_of(value_)),
      value_vjp_(vjp(value_)),
      value_jvp_(jvp(value_)),
      value_tile_(std::make_unique<TileFunction<double>>(value_, 1)),
      color_tile_(
          std::make_unique<TileFunction<double>>(tangent_of(with_inputs_of(f, InputKind::kShared)), kColorLanes)) {}

const Function& ImplicitSystem::product_vjp(Side side) const {
  const std::lock_guard lock(mutex_);
  Function& made = second_derivatives_[{side, true}];
  if (made.is_empty()) made = vjp(product(side));
  return made;
}

const Function& ImplicitSystem::product_jvp(Side side) const {
  const std::lock_guard lock(mutex_);
  Function& made = second_derivatives_[{side, false}];
  if (made.is_empty()) made = jvp(product(side));
  return made;
}

const TileFunction<double>& ImplicitSystem::product_tile(Side side) const {
  const std::lock_guard lock(mutex_);
  auto& made = product_tiles_[side];
  if (!made) made = std::make_unique<TileFunction<double>>(product(side), 1);
  return *made;
}

}  // namespace costate::internal

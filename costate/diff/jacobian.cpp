// Jacobians and Hessians: one derivative for each number of an input or an output, put side by side.
#include <functional>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/diff/internal/inlined.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/empty_function.h"
#include "costate/graph/simplify.h"

namespace costate {
namespace {

Array unit(const Shape& shape, std::int64_t position) {
  HostArray numbers(shape);
  numbers.set(position, 1);
  return constant(numbers);
}

Shape joined(const Shape& left, const Shape& right) {
  std::vector<std::int64_t> axes = left.axes();
  axes.insert(axes.end(), right.axes().begin(), right.axes().end());
  return Shape(std::move(axes));
}

/// Matrix [m, n] of a row for each of m units of `shape`, in any shape of n numbers; m may be 0.
Array rows_by_unit(const Shape& shape, std::int64_t n, const std::function<Array(const Array&)>& row) {
  std::vector<Array> rows;
  for (std::int64_t i = 0; i < shape.size(); ++i) rows.push_back(reshape(row(unit(shape, i)), {1, n}));
  return rows.empty() ? zeros({0, n}) : concat(rows);
}

Array tangent_along(const Array& value, const Array& x, const Array& direction) {
  return push_forward(std::span(&value, 1), std::span(&x, 1), std::span(&direction, 1))[0];
}

Array by_columns(const Array& value, const Array& x) {
  const Array columns = rows_by_unit(x.shape(), value.shape().size(),
                                     [&](const Array& direction) { return tangent_along(value, x, direction); });
  return reshape(transpose(columns), joined(value.shape(), x.shape()));
}

Array by_rows(const Array& value, const Array& x) {
  const Array rows = rows_by_unit(value.shape(), x.shape().size(), [&](const Array& weights) {
    return pull_back(std::span(&value, 1), std::span(&weights, 1), std::span(&x, 1))[0];
  });
  return reshape(rows, joined(value.shape(), x.shape()));
}

/// Second derivatives of a scalar [x…, y…]: for each number of y, the gradient by x of the tangent. Gradients of
/// tangents go through a solve, tangents of gradients do not.
Array second_derivatives(const Array& value, const Array& x, const Array& y) {
  const Array columns = rows_by_unit(y.shape(), x.shape().size(), [&](const Array& direction) {
    return gradient(tangent_along(value, y, direction), std::span(&x, 1))[0];
  });
  return reshape(transpose(columns), joined(x.shape(), y.shape()));
}

/// `first`, or `second` where `first` meets an operation without a rule: a solve has no tangent by its times, say.
Array one_of(const std::function<Array()>& first, const std::function<Array()>& second) {
  try {
    return first();
  } catch (const NotSupported&) {
    try {
      return second();
    } catch (const NotSupported&) {
    }
    throw;
  }
}

/// Second derivatives by inputs of which the gradient is taken by the one that `is_shared` allows: of a shared input it
/// is known summed over the batch only.
Array mixed_derivatives(const Array& value, const Array& x, const Array& y, bool x_is_shared, bool y_is_shared) {
  const auto straight = [&] { return second_derivatives(value, x, y); };
  const auto swapped = [&] {
    const Array other = reshape(second_derivatives(value, y, x), {y.shape().size(), x.shape().size()});
    return reshape(transpose(other), joined(x.shape(), y.shape()));
  };
  if (x_is_shared != y_is_shared) return x_is_shared ? swapped() : straight();
  return y.shape().size() <= x.shape().size() ? one_of(straight, swapped) : one_of(swapped, straight);
}

/// The function of an inlined one's outputs, then derivatives.
Function finish_with(internal::GraphBuilder& builder, const Function& f, const internal::Inlined& inlined,
                     const std::vector<Array>& derivatives, std::vector<OutputKind> kinds,
                     std::vector<std::string> names) {
  std::vector<Array> outputs = inlined.outputs;
  outputs.insert(outputs.end(), derivatives.begin(), derivatives.end());
  for (std::size_t i = f.outputs().size(); i-- > 0;) {
    kinds.insert(kinds.begin(), f.outputs()[i].kind);
    names.insert(names.begin(), f.outputs()[i].name);
  }
  return simplify(builder.finish(outputs, std::move(kinds), std::move(names)));
}

}  // namespace

Array jacobian(const Array& value, const Array& x) {
  const auto columns = [&] { return by_columns(value, x); };
  const auto rows = [&] { return by_rows(value, x); };
  // A whole program gives the gradient by what all samples share as a sum over them only.
  const bool is_sum_only = !internal::varies_by_sample(x) && internal::is_behind_extension(value, x);
  return is_sum_only || x.shape().size() <= value.shape().size() ? one_of(columns, rows) : one_of(rows, columns);
}

Function jacobian(const Function& f, std::span<const std::size_t> wrt) {
  internal::refuse_empty(f, "jacobian");
  internal::GraphBuilder builder;
  const internal::BuilderScope scope(builder);
  const internal::Inlined inlined = internal::inline_with_inputs(builder, f);
  std::vector<Array> derivatives;
  std::vector<OutputKind> kinds;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < f.outputs().size(); ++i)
    for (const std::size_t position : internal::all_inputs_if_empty(f, wrt)) {
      derivatives.push_back(jacobian(inlined.outputs[i], inlined.inputs[position]));
      kinds.push_back(OutputKind::kSample);
      names.push_back("d_" + f.outputs()[i].name + "_" + f.inputs()[position].name);
    }
  return finish_with(builder, f, inlined, derivatives, std::move(kinds), std::move(names));
}

Function hessian(const Function& loss, std::span<const std::size_t> wrt) {
  internal::check_scalar_loss(loss, "hessian");
  internal::GraphBuilder builder;
  const internal::BuilderScope scope(builder);
  const internal::Inlined inlined = internal::inline_with_inputs(builder, loss);
  const std::vector<std::size_t> positions = internal::all_inputs_if_empty(loss, wrt);
  std::vector<Array> derivatives;
  std::vector<OutputKind> kinds;
  std::vector<std::string> names;
  for (const std::size_t x : positions)
    for (const std::size_t y : positions) {
      const bool x_is_shared = loss.inputs()[x].kind == InputKind::kShared;
      const bool y_is_shared = loss.inputs()[y].kind == InputKind::kShared;
      try {
        derivatives.push_back(
            mixed_derivatives(inlined.outputs[0], inlined.inputs[x], inlined.inputs[y], x_is_shared, y_is_shared));
      } catch (const NotSupported& error) {
        throw NotSupported("[hessian] by '", loss.inputs()[x].name, "' and '", loss.inputs()[y].name,
                           "' there is none, leave it out of wrt: ", error.what());
      }
      kinds.push_back(x_is_shared && y_is_shared ? OutputKind::kSum : OutputKind::kSample);
      names.push_back("d2_" + loss.inputs()[x].name + "_" + loss.inputs()[y].name);
    }
  return finish_with(builder, loss, inlined, derivatives, std::move(kinds), std::move(names));
}

}  // namespace costate

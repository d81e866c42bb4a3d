// Every function on Arrays.
#include "costate/nn/activations.h"
#include "costate/operations/operations.h"
#include "costate/solve/field_marks.h"
#include "python/bindings/bindings.h"

namespace costate::python {
namespace {

std::vector<Array> to_arrays(const nb::sequence& values) {
  std::vector<Array> arrays;
  for (const nb::handle value : values) arrays.push_back(to_array(value));
  return arrays;
}

using Unary = Array (*)(Operand);
using Binary = Array (*)(Operand, Operand);

void bind_unary(nb::module_& module, const char* name, Unary function, const char* doc) {
  module.def(
      name, [function](nb::handle x) { return function(to_array(x)); }, nb::arg("x"), doc);
}

void bind_binary(nb::module_& module, const char* name, Binary function, const char* doc) {
  module.def(
      name, [function](nb::handle x, nb::handle y) { return function(to_array(x), to_array(y)); }, nb::arg("x"),
      nb::arg("y"), doc);
}

void bind_elementwise(nb::module_& m) {
#define COSTATE_UNARY_FUNCTION(Name, spelling, low, high, numpy, libm, onnx, about) \
  bind_unary(m, #spelling, spelling, about);
#define COSTATE_BINARY_FUNCTION(Name, spelling, low, high, numpy, libm, onnx, about) \
  bind_binary(m, #spelling, spelling, about);
#include "costate/graph/ops.def"
  bind_unary(m, "square", square, "x times x.");
  bind_unary(m, "gelu", gelu, "x times the normal distribution function of x.");
  bind_unary(m, "silu", silu, "x sigmoid(x).");
  bind_unary(m, "stop_gradient", stop_gradient, "x, through which no derivative flows.");
  bind_unary(m, "explicit_part", explicit_part,
             "x itself, a term of a field that method 'kencarp4' takes explicitly; other methods do not see it.");
  bind_binary(m, "minimum", min, "The smaller of two, element by element.");
  bind_binary(m, "maximum", max, "The larger of two, element by element.");
  bind_binary(m, "matmul", matmul, "[m,k]·[k,n], [m,k]·[k], [k]·[k,n] or [k]·[k].");
  bind_binary(m, "outer", outer, "out[i, j] = x[i] y[j].");
  m.def(
      "elu", [](nb::handle x, double alpha) { return elu(to_array(x), alpha); }, nb::arg("x"), nb::arg("alpha") = 1.0,
      "x for x > 0, alpha (exp(x) - 1) otherwise.");
  m.def(
      "where", [](nb::handle c, nb::handle x, nb::handle y) { return where(to_array(c), to_array(x), to_array(y)); },
      nb::arg("condition"), nb::arg("x"), nb::arg("y"), "x where the condition is not 0, else y.");
}

void bind_structure(nb::module_& m) {
  m.def(
      "concat", [](const nb::sequence& parts, int axis) { return concat(to_arrays(parts), axis); }, nb::arg("parts"),
      nb::arg("axis") = 0, "Joins arrays along an axis.");
  m.def(
      "stack", [](const nb::sequence& parts) { return stack(to_arrays(parts)); }, nb::arg("parts"),
      "Puts equal shapes side by side along a new first axis.");
  m.def(
      "reshape",
      [](nb::handle x, nb::handle shape) {
        const Array array = to_array(x);
        return reshape(array, new_shape(array.shape(), shape));
      },
      nb::arg("x"), nb::arg("shape"), "The same numbers in another shape of equal size, of which one axis may be -1.");
  m.def(
      "transpose", [](nb::handle x) { return transpose(to_array(x)); }, nb::arg("x"), "Reverses the axes.");
  m.def(
      "broadcast_to", [](nb::handle x, nb::handle shape) { return broadcast_to(to_array(x), to_shape(shape)); },
      nb::arg("x"), nb::arg("shape"), "Repeats x to the shape, by NumPy's rule.");
  m.def(
      "gather",
      [](nb::handle x, std::vector<std::int64_t> positions, nb::handle shape) {
        return gather(to_array(x), std::move(positions), to_shape(shape));
      },
      nb::arg("x"), nb::arg("positions"), nb::arg("shape"), "out.flat[i] = x.flat[positions[i]].");
  const auto reduction = [&m](const char* name, Reduction reduce, const char* doc) {
    m.def(
        name, [reduce](nb::handle x, const nb::object& axis) { return reduced(reduce, to_array(x), axis); },
        nb::arg("x"), nb::arg("axis").none() = nb::none(), doc);
  };
  reduction("sum", sum, "Sum over all axes, or over those listed.");
  reduction("mean", mean, "Mean over all axes, or over those listed.");
  reduction("min", reduce_min, "Minimum over all axes, or over those listed.");
  reduction("max", reduce_max, "Maximum over all axes, or over those listed.");
  reduction("norm", norm, "Euclidean length of all numbers, or along the axes listed. Its derivative at 0 is 0.");
  m.def(
      "cumsum", [](nb::handle x, const nb::object& axis) { return running_sums(to_array(x), axis); }, nb::arg("x"),
      nb::arg("axis").none() = nb::none(), "Running sums along an axis, or over all numbers in their order.");
  m.def(
      "zeros", [](nb::handle shape) { return zeros(to_shape(shape)); }, nb::arg("shape"), "Zeros, inside a trace.");
  m.def(
      "ones", [](nb::handle shape) { return ones(to_shape(shape)); }, nb::arg("shape"), "Ones, inside a trace.");
  m.def(
      "interpolate",
      [](nb::handle times, nb::handle values, nb::handle t, const std::string& kind) {
        return interpolate(to_array(times), to_array(values), to_array(t), interpolation_from_name(kind));
      },
      nb::arg("times"), nb::arg("values"), nb::arg("t"), nb::arg("kind") = "linear",
      R"(u(t) [m] from values [n, m] at times [n], which ascend: kind is 'linear', 'hold' or 'cubic'.

Before the first and after the last time the value there is kept; at a t of NaN it is NaN. Times that are constants of the
trace are refused unless they ascend. Times that are an input of the program, or computed from one, are not checked: sort
them, and their values with them (numpy.argsort), before the program is called.)");
}

/// What NumPy calls the functions, for _numpy.py.
nb::dict numpy_names() {
  nb::dict names;
  for (const OpInfo& op : kOpTable)
    if (!op.names.numpy.empty()) names[op.name.data()] = op.names.numpy.data();
  return names;
}

}  // namespace

void bind_functions(nb::module_& module) {
  bind_elementwise(module);
  module.attr("_numpy_names") = numpy_names();
  bind_structure(module);
}

}  // namespace costate::python

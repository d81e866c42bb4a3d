// The symbolic Array with Python's operators, and every function on it.
#include <algorithm>

#include "costate/base/error.h"
#include "costate/nn/activations.h"
#include "costate/solve/controls.h"
#include "python/bindings/bindings.h"

namespace costate::python {
namespace {

std::vector<Array> to_arrays(const nb::sequence& values) {
  std::vector<Array> arrays;
  for (const nb::handle value : values) arrays.push_back(to_array(value));
  return arrays;
}

std::vector<std::int64_t> all_axes_if_none(const Array& x, const nb::object& axis) {
  if (!axis.is_none()) return to_integers(axis, "axis");
  std::vector<std::int64_t> axes;
  for (int i = 0; i < x.shape().rank(); ++i) axes.push_back(i);
  return axes;
}

/// The axes to reshape to; one of -1 takes what the others leave.
Shape new_shape(const Shape& from, nb::handle to) {
  std::vector<std::int64_t> axes = to_integers(to, "a shape");
  const auto open = std::ranges::find(axes, -1);
  if (open == axes.end()) return Shape(std::move(axes));
  *open = 1;
  const std::int64_t others = Shape(axes).size();
  if (others == 0 || from.size() % others != 0)
    throw ShapeError("[reshape] the ", from.size(), " numbers of shape ", from, " do not fill rows of ", others, ".");
  *open = from.size() / others;
  return Shape(std::move(axes));
}

/// What NumPy's own indexing makes of the positions of the numbers.
Array take_positions(const Array& x, const nb::object& key) {
  const nb::module_ numpy = nb::module_::import_("numpy");
  const nb::object all = numpy.attr("arange")(x.shape().size()).attr("reshape")(nb::cast(x.shape().axes()));
  const HostArray taken = to_host(nb::object(all[key]));
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < taken.size(); ++i) positions.push_back(static_cast<std::int64_t>(taken.at(i)));
  return gather(x, std::move(positions), taken.shape());
}

/// Indexing as in NumPy; an element or a stretch along the first axis needs no table of positions.
Array take(const Array& x, const nb::object& key) {
  if (x.shape().rank() == 0) throw CallError("a scalar Array cannot be indexed.");
  std::int64_t index = 0;
  if (nb::isinstance<nb::int_>(key) && !nb::isinstance<nb::bool_>(key) && nb::try_cast(key, index)) {
    const std::int64_t length = x.shape()[0];
    // An IndexError, by which Python knows that an iteration is over.
    if (index < -length || index >= length)
      throw nb::index_error(text::concat("index ", index, " is out of range for an Array of length ", length).c_str());
    return x[index];
  }
  if (!nb::isinstance<nb::slice>(key)) return take_positions(x, key);
  const std::int64_t length = x.shape()[0];
  const auto [start, stop, step, count] = nb::cast<nb::slice>(key).compute(static_cast<std::size_t>(length));
  if (step != 1) return take_positions(x, key);
  return x.slice(start, start + static_cast<std::int64_t>(count));
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

template <class T>
void bind_operator(nb::class_<T>& type, const char* name, const char* reflected, Binary function) {
  type.def(
      name, [function](const T& x, nb::handle y) { return function(x, to_array(y)); }, nb::is_operator());
  if (reflected != nullptr)
    type.def(
        reflected, [function](const T& x, nb::handle y) { return function(to_array(y), x); }, nb::is_operator());
}

/// Arithmetic, for Arrays and for Parameters, which read as Arrays.
template <class T>
void bind_operators(nb::class_<T>& type) {
  type.attr("__array_ufunc__") = nb::none();  // NumPy leaves operators with these types to them
  bind_operator(type, "__add__", "__radd__", [](Operand x, Operand y) { return x + y; });
  bind_operator(type, "__sub__", "__rsub__", [](Operand x, Operand y) { return x - y; });
  bind_operator(type, "__mul__", "__rmul__", [](Operand x, Operand y) { return x * y; });
  bind_operator(type, "__truediv__", "__rtruediv__", [](Operand x, Operand y) { return x / y; });
  bind_operator(type, "__pow__", "__rpow__", [](Operand x, Operand y) { return pow(x, y); });
  bind_operator(type, "__matmul__", "__rmatmul__", [](Operand x, Operand y) { return matmul(x, y); });
  bind_operator(type, "__lt__", nullptr, [](Operand x, Operand y) { return x < y; });
  bind_operator(type, "__le__", nullptr, [](Operand x, Operand y) { return x <= y; });
  bind_operator(type, "__gt__", nullptr, [](Operand x, Operand y) { return x > y; });
  bind_operator(type, "__ge__", nullptr, [](Operand x, Operand y) { return x >= y; });
  bind_operator(type, "__eq__", nullptr, equal);
  bind_operator(type, "__ne__", nullptr, [](Operand x, Operand y) { return 1.0 - equal(x, y); });
  type.def("__neg__", [](const T& x) { return -Array(x); });
  type.def("__pos__", [](const T& x) { return Array(x); });
  type.def("__abs__", [](const T& x) { return abs(x); });
  type.def(
      "__getitem__", [](const T& x, const nb::object& key) { return take(x, key); }, nb::arg("key").none());
}

void bind_functions(nb::module_& m) {
  bind_unary(m, "abs", abs, "|x|.");
  bind_unary(m, "sign", sign, "-1, 0 or 1.");
  bind_unary(m, "exp", exp, "e to the x.");
  bind_unary(m, "expm1", expm1, "exp(x) - 1.");
  bind_unary(m, "log", log, "Natural logarithm.");
  bind_unary(m, "log1p", log1p, "log(1 + x).");
  bind_unary(m, "sqrt", sqrt, "Square root.");
  bind_unary(m, "square", square, "x times x.");
  bind_unary(m, "sin", sin, "Sine.");
  bind_unary(m, "cos", cos, "Cosine.");
  bind_unary(m, "tan", tan, "Tangent.");
  bind_unary(m, "asin", asin, "Inverse sine.");
  bind_unary(m, "acos", acos, "Inverse cosine.");
  bind_unary(m, "atan", atan, "Inverse tangent.");
  bind_unary(m, "sinh", sinh, "Hyperbolic sine.");
  bind_unary(m, "cosh", cosh, "Hyperbolic cosine.");
  bind_unary(m, "tanh", tanh, "Hyperbolic tangent.");
  bind_unary(m, "sigmoid", sigmoid, "1 / (1 + exp(-x)).");
  bind_unary(m, "softplus", softplus, "log(1 + exp(x)).");
  bind_unary(m, "relu", relu, "max(x, 0).");
  bind_unary(m, "gelu", gelu, "x times the normal distribution function of x.");
  bind_unary(m, "silu", silu, "x sigmoid(x).");
  bind_unary(m, "erf", erf, "Error function.");
  bind_unary(m, "stop_gradient", stop_gradient, "x, through which no derivative flows.");
  bind_binary(m, "atan2", atan2, "Angle of the point (y, x), called as atan2(y, x).");
  bind_binary(m, "minimum", min, "The smaller of two, element by element.");
  bind_binary(m, "maximum", max, "The larger of two, element by element.");
  bind_binary(m, "equal", equal, "1 where equal, else 0.");
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
  const auto reduction = [&m](const char* name, Array (*reduce)(Operand, std::vector<std::int64_t>), const char* doc) {
    m.def(
        name,
        [reduce](nb::handle x, const nb::object& axis) {
          const Array array = to_array(x);
          return reduce(array, all_axes_if_none(array, axis));
        },
        nb::arg("x"), nb::arg("axis").none() = nb::none(), doc);
  };
  reduction("sum", sum, "Sum over all axes, or over those listed.");
  reduction("mean", mean, "Mean over all axes, or over those listed.");
  reduction("min", reduce_min, "Minimum over all axes, or over those listed.");
  reduction("max", reduce_max, "Maximum over all axes, or over those listed.");
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
      "u(t) [m] from values [n, m] at times [n]: kind is 'linear', 'hold' or 'cubic'.");
}

}  // namespace

void bind_array(nb::module_& module) {
  nb::class_<Parameter> parameter(module, "Parameter", construct_by_init(),
                                  "A named array that programs share and optimizers change.");
  parameter
      .def(
          "__init__",
          [](Parameter* self, const std::string& name, nb::handle value) {
            new (self) Parameter(name, to_host(value).astype(Dtype::kF64));
          },
          nb::arg("name"), nb::arg("value"))
      .def_prop_ro("name", &Parameter::name)
      .def_prop_ro("shape", [](const Parameter& p) { return nb::tuple(nb::cast(p.shape().axes())); })
      .def_prop_rw(
          "value", [](const Parameter& p) { return to_numpy(p.value()); },
          [](const Parameter& p, nb::handle value) { p.set_value(to_host(value).astype(Dtype::kF64)); },
          "The numbers, as a NumPy array (a copy).")
      .def("__repr__",
           [](const Parameter& p) { return "Parameter('" + p.name() + "', shape=" + to_string(p.shape()) + ")"; })
      // Two Parameters are compared as objects, which lists and dictionaries do; first, before bind_operators' values.
      .def(
          "__eq__", [](const Parameter& p, const Parameter& other) { return p == other; }, nb::is_operator())
      .def(
          "__ne__", [](const Parameter& p, const Parameter& other) { return !(p == other); }, nb::is_operator())
      .def("__hash__", [](const Parameter& p) { return std::hash<const std::string*>()(&p.name()); });

  nb::class_<Array> type(module, "Array", "A value of the program that is being traced.");
  type.def_prop_ro("shape", [](const Array& x) { return nb::tuple(nb::cast(x.shape().axes())); });
  type.def("__repr__", [](const Array& x) { return "Array(shape=" + to_string(x.shape()) + ")"; });
  type.def("__len__", [](const Array& x) {
    if (x.shape().rank() == 0) throw CallError("a scalar Array has no length.");
    return x.shape()[0];
  });
  type.def("__bool__", [](const Array&) -> bool {
    throw CallError("the value of an Array is not known while its program is traced; use costate.where instead of if.");
  });
  bind_operators(type);
  bind_operators(parameter);
  bind_functions(module);
  bind_structure(module);
}

}  // namespace costate::python

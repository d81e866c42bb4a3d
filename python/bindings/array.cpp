// The symbolic Array and the Parameter, with the operators and methods of NumPy's arrays.
#include <algorithm>

#include "costate/base/error.h"
#include "python/bindings/bindings.h"

namespace costate::python {
namespace {

/// What NumPy's own indexing makes of the positions of the numbers.
Array take_positions(const Array& x, const nb::object& key) {
  const nb::module_ numpy = nb::module_::import_("numpy");
  const nb::object all = numpy.attr("arange")(x.shape().size()).attr("reshape")(nb::cast(x.shape().axes()));
  const HostArray taken = to_host(nb::object(all[key]));
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < taken.size(); ++i) positions.push_back(static_cast<std::int64_t>(taken.at(i)));
  return gather(x, std::move(positions), taken.shape());
}

/// Whether a key asks for no element: None, ..., or a tuple of these.
bool adds_axes(const nb::object& key) {
  if (!nb::isinstance<nb::tuple>(key)) return key.is_none() || nb::isinstance<nb::ellipsis>(key);
  const auto parts = nb::cast<nb::tuple>(key);
  return std::all_of(parts.begin(), parts.end(),
                     [](nb::handle part) { return part.is_none() || nb::isinstance<nb::ellipsis>(part); });
}

/// Indexing as in NumPy; an element or a stretch along the first axis needs no table of positions.
Array take(const Array& x, const nb::object& key) {
  if (x.shape().rank() == 0 && !adds_axes(key))
    throw CallError("a scalar Array cannot be indexed; a field is called as f(t, z), with the time first.");
  std::int64_t index = 0;
  if (nb::isinstance<nb::int_>(key) && !nb::isinstance<nb::bool_>(key) && nb::try_cast(key, index)) {
    const std::int64_t length = x.shape()[0];
    // An IndexError, by which Python knows that an iteration is over.
    if (index < -length || index >= length)
      throw nb::index_error(text::concat("index ", index, " is out of range for an Array of length ", length).c_str());
    return x[index];
  }
  if (holds_arrays(key))
    throw CallError("which element an Array names is not known while a program is traced; choose by costate.where.");
  if (!nb::isinstance<nb::slice>(key)) return take_positions(x, key);
  const std::int64_t length = x.shape()[0];
  const auto [start, stop, step, count] = nb::cast<nb::slice>(key).compute(static_cast<std::size_t>(length));
  if (step != 1) return take_positions(x, key);
  return x.slice(start, start + static_cast<std::int64_t>(count));
}

/// The shape of a reduction whose axes stay, with length 1.
Shape with_axes_kept(const Array& x, const nb::object& axis) {
  std::vector<std::int64_t> axes = x.shape().axes();
  for (const std::int64_t reduced : all_axes_if_none(x, axis))
    axes[static_cast<std::size_t>(x.shape().normalize_axis(reduced))] = 1;
  return Shape(std::move(axes));
}

Array flat(const Array& x) { return reshape(x, {x.shape().size()}); }

Array clipped(const Array& x, const nb::object& least, const nb::object& most) {
  const Array raised = least.is_none() ? x : max(x, to_array(least));
  return most.is_none() ? raised : min(raised, to_array(most));
}

using Binary = Array (*)(Operand, Operand);

template <class T>
void bind_operator(nb::class_<T>& type, const char* name, const char* reflected, Binary function) {
  type.def(
      name, [function](const T& x, nb::handle y) { return function(x, to_array(y)); }, nb::is_operator());
  if (reflected != nullptr)
    type.def(
        reflected, [function](const T& x, nb::handle y) { return function(to_array(y), x); }, nb::is_operator());
}

Array is_true(Operand x) { return 1.0 - equal(x, 0.0); }

/// The whole number of times that y goes into x, as mod counts them: 1 // 0.1 is 9, though 1 / 0.1 rounds to 10.
Array floor_divide(Operand x, Operand y) { return floor((x - mod(x, y)) / y + 0.5); }

/// Arithmetic, for Arrays and for Parameters, which read as Arrays.
template <class T>
void bind_operators(nb::class_<T>& type) {
  bind_operator(type, "__add__", "__radd__", [](Operand x, Operand y) { return x + y; });
  bind_operator(type, "__sub__", "__rsub__", [](Operand x, Operand y) { return x - y; });
  bind_operator(type, "__mul__", "__rmul__", [](Operand x, Operand y) { return x * y; });
  bind_operator(type, "__truediv__", "__rtruediv__", [](Operand x, Operand y) { return x / y; });
  bind_operator(type, "__pow__", "__rpow__", [](Operand x, Operand y) { return pow(x, y); });
  bind_operator(type, "__mod__", "__rmod__", mod);
  bind_operator(type, "__floordiv__", "__rfloordiv__", floor_divide);
  bind_operator(type, "__and__", "__rand__", [](Operand x, Operand y) { return is_true(x) * is_true(y); });
  bind_operator(type, "__or__", "__ror__", [](Operand x, Operand y) { return max(is_true(x), is_true(y)); });
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
  type.def("__invert__", [](const T& x) { return equal(x, 0.0); });
  type.def(
      "__getitem__", [](const T& x, const nb::object& key) { return take(x, key); }, nb::arg("key").none());
}

/// What NumPy's arrays have as methods.
template <class T>
void bind_methods(nb::class_<T>& type) {
  const auto reduction = [&type](const char* name, Reduction reduce, const char* doc) {
    type.def(
        name,
        [reduce](const T& x, const nb::object& axis, bool keepdims) {
          const Array array(x), one = reduced(reduce, array, axis);
          return keepdims ? reshape(one, with_axes_kept(array, axis)) : one;
        },
        nb::arg("axis").none() = nb::none(), nb::arg("keepdims") = false, doc);
  };
  reduction("sum", sum, "Sum over all axes, or over those listed.");
  reduction("mean", mean, "Mean over all axes, or over those listed.");
  reduction("min", reduce_min, "Minimum over all axes, or over those listed.");
  reduction("max", reduce_max, "Maximum over all axes, or over those listed.");
  type.def(
      "cumsum", [](const T& x, const nb::object& axis) { return running_sums(x, axis); },
      nb::arg("axis").none() = nb::none(), "Running sums along an axis, or over all numbers in their order.");
  type.def(
      "reshape",
      [](const T& x, const nb::args& shape) {
        const Array array(x);
        return reshape(array, new_shape(array.shape(), shape.size() == 1 ? shape[0] : nb::handle(shape)));
      },
      "The same numbers in another shape, of which one axis may be -1.");
  type.def(
      "ravel", [](const T& x) { return flat(x); }, "The numbers in a row.");
  type.def(
      "flatten", [](const T& x) { return flat(x); }, "The numbers in a row.");
  type.def(
      "transpose", [](const T& x) { return transpose(x); }, "Reverses the axes.");
  type.def(
      "dot", [](const T& x, nb::handle y) { return matmul(x, to_array(y)); }, nb::arg("y"), "The product x @ y.");
  type.def(
      "clip", [](const T& x, const nb::object& least, const nb::object& most) { return clipped(x, least, most); },
      nb::arg("min").none() = nb::none(), nb::arg("max").none() = nb::none(), "x, but not below min nor above max.");
  type.def("__len__", [](const T& x) {
    if (x.shape().rank() == 0) throw CallError("a scalar Array has no length.");
    return x.shape()[0];
  });
  type.def_prop_ro(
      "T", [](const T& x) { return transpose(x); }, "The axes reversed.");
  type.def_prop_ro(
      "size", [](const T& x) { return x.shape().size(); }, "How many numbers.");
  type.def_prop_ro(
      "ndim", [](const T& x) { return x.shape().rank(); }, "How many axes.");
}

/// What Python asks of numbers, and what there is instead while they are not known.
template <class T>
void bind_refusals(nb::class_<T>& type, const char* subject) {
  const auto refuse = [&type, subject](const char* name, const char* instead) {
    type.def(name, [subject, instead](const T&) -> bool { throw CallError(subject, instead); });
  };
  refuse("__bool__",
         "; use costate.where instead of if, costate.maximum and costate.minimum instead of max and min, and "
         "& | ~ instead of and, or, not.");
  for (const char* name : {"__float__", "__int__", "__complex__", "__index__"})
    refuse(name,
           "; use costate's or NumPy's functions instead of math's, as costate.sin, and costate.stack instead of "
           "filling a NumPy array.");
  type.def(
      "__setitem__",
      [](const T&, nb::handle, nb::handle) {
        throw CallError(
            "an element cannot be set while a program is traced; make a new Array with costate.stack, "
            "costate.concat or costate.where.");
      },
      nb::arg("key").none(), nb::arg("value").none());
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
          "value", [](const Parameter& p) { return to_read_only(p.value()); },
          [](const Parameter& p, nb::handle value) { p.set_value(to_host(value).astype(Dtype::kF64)); },
          "The numbers, as a NumPy array that is not to be written to: assign new ones, as p.value = p.value - step.")
      .def("__getstate__", [](const Parameter& p) { return nb::make_tuple(p.name(), to_numpy(p.value())); })
      .def("__setstate__",
           [](Parameter& p, const std::pair<std::string, nb::object>& state) {
             new (&p) Parameter(state.first, to_host(state.second));
           })
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
  bind_refusals(type, "the value of an Array is not known while its program is traced");
  bind_refusals(parameter,
                "a Parameter has no one value while a program is traced, and outside of it is read by .value");
  bind_operators(type);
  bind_operators(parameter);
  bind_methods(type);
  bind_methods(parameter);
}

}  // namespace costate::python

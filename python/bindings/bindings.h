// What the parts of the extension module share: NumPy arrays to and from HostArray, Python values to Arrays, and one
// function a part that binds it.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/function.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>

#include "costate/array/host_array.h"
#include "costate/base/interrupt.h"
#include "costate/base/text.h"
#include "costate/graph/array.h"
#include "costate/graph/graph.h"

namespace costate::python {

namespace nb = nanobind;

/// A call whose arguments have the wrong names, number or types: a TypeError of Python. In C++ the compiler finds
/// these.
class CallError : public std::runtime_error {
 public:
  template <class... Part>
  explicit CallError(const Part&... part) : std::runtime_error(text::concat(part...)) {}
};

/// The name of an object's type with its module, for messages.
std::string type_of(nb::handle value);

/// The numbers of anything that NumPy takes; f32 stays f32, all else becomes f64. DtypeError if it is not numeric.
HostArray to_host(nb::handle value);
/// An object that the type stub calls a NumPy array.
class NumpyArray : public nb::object {
  NB_OBJECT(NumpyArray, nb::object, "numpy.ndarray", nb::ndarray_check)
};
/// A NumPy array that owns a copy.
NumpyArray to_numpy(const HostArray& array);
/// One that owns the numbers themselves.
NumpyArray to_numpy(HostArray&& array);
/// The same, into which NumPy does not write.
NumpyArray to_read_only(const HostArray& array);
NumpyArray to_numpy(const std::vector<double>& values);
NumpyArray to_numpy(const std::vector<std::int64_t>& values);

/// An Array or a Parameter, or a list or tuple with one somewhere in it.
bool holds_arrays(nb::handle value);
/// An Array, a Parameter, a number or a NumPy array, as an Array of the trace that is under way.
Array to_array(nb::handle value);
/// A precision as costate or NumPy spells it: "f32", "float32", numpy.float32.
Dtype to_dtype(nb::handle value);
/// A Parameter, the Parameters of a list or tuple, or those of a net or a fit. CallError if it is something else.
std::vector<Parameter> to_parameters(nb::handle value);
/// One sample as a batch, and the shape of one sample of a batch.
HostArray with_batch_of_one(const HostArray& array);
Shape without_first(const Shape& shape);
/// Arrays for the inputs of a function that are no Parameters; samples alone, without the batch axis, get one.
struct BatchInputs {
  std::vector<HostArray> arrays;
  bool is_single;
};
BatchInputs to_batch(const Function& function, const nb::args& inputs);
/// The positions of inputs and Parameters that `wrt` names; none where it is None. CallError or InvalidArgument if it
/// names something else.
std::vector<std::size_t> positions_of(const Function& function, const nb::object& wrt);
/// An output of a batch, without the batch axis if `is_single`.
NumpyArray to_output(HostArray array, bool is_single);
/// A name of an input.
std::string to_name(nb::handle value);
/// An integer or a sequence of them; `what` names them in messages.
std::vector<std::int64_t> to_integers(nb::handle value, const char* what);
/// The same as a shape.
Shape to_shape(nb::handle value);

/// The axes that are listed, or all.
std::vector<std::int64_t> all_axes_if_none(const Array& x, const nb::object& axis);
/// The shape to reshape to; an axis of -1 takes what the others leave.
Shape new_shape(const Shape& from, nb::handle to);
using Reduction = Array (*)(Operand, std::vector<std::int64_t>);
Array reduced(Reduction reduce, const Array& x, const nb::object& axis);
/// cumsum along an axis, or over all numbers in their order.
Array running_sums(const Array& x, const nb::object& axis);

/// Raises in Python what a signal, such as Ctrl-C's, has asked for.
inline void raise_signals() {
  const nb::gil_scoped_acquire acquire;
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

/// Runs work that may take long: other Python threads go on, and Ctrl-C ends it.
template <class Work>
auto run_long(const Work& work) {
  const nb::gil_scoped_release release;
  const InterruptScope scope(&raise_signals);
  return work();
}

/// For nb::class_: constructs by the attribute __init__, which costate/_calls.py replaces; nanobind has a shorter way
/// that it cannot.
nb::type_slots construct_by_init();

void bind_errors(nb::module_& module);
void bind_array(nb::module_& module);
void bind_functions(nb::module_& module);
void bind_equations(nb::module_& module);
void bind_image_functions(nb::module_& module);
void bind_function(nb::module_& module);
void bind_pullback(nb::module_& module);
void bind_derivatives(nb::module_& module);
void bind_nn(nb::module_& module);
void bind_dense(nb::module_& module);
void bind_device(nb::module_& module);
void bind_events(nb::module_& module);
void bind_vector_field(nb::module_& module);
void bind_solve(nb::module_& module);
void bind_sde(nb::module_& module);
void bind_stepping(nb::module_& module);
void bind_flows(nb::module_& module);
void bind_models(nb::module_& module);
void bind_image_nets(nb::module_& module);
void bind_data(nb::module_& module);
void bind_optimizers(nb::module_& module);
void bind_constrained(nb::module_& module);
void bind_train(nb::module_& module);
void bind_labelled(nb::module_& module);
void bind_classifier(nb::module_& module);
void bind_fit(nb::module_& module);
void bind_fit_calls(nb::module_& module);
void bind_files(nb::module_& module);
void bind_runs(nb::module_& module);
void bind_xla_solve(nb::module_& module);

}  // namespace costate::python

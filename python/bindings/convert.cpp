// Values of Python and NumPy as ours, and back.
#include <algorithm>
#include <span>
#include <utility>

#include "costate/base/error.h"
#include "python/bindings/bindings.h"

namespace costate::python {
namespace {

/// NumPy's array of a value, a view where there can be one. Its own message on lists of unequal lengths does not say
/// what to do.
nb::object as_numpy(const nb::module_& numpy, nb::handle value) {
  try {
    if (nb::hasattr(value, "__dlpack__") && !nb::hasattr(value, "__array__")) return numpy.attr("from_dlpack")(value);
    return numpy.attr("asarray")(value);
  } catch (nb::python_error& error) {
    if (!error.matches(PyExc_ValueError)) throw;
    throw ShapeError("expected an array of numbers; got a ", type_of(value),
                     " whose parts have different shapes. Join them into one array, such as by numpy.concatenate.");
  }
}

/// Why an array that is not numeric is not, if that can be told.
const char* hint_at(nb::handle array, const std::string& kind) {
  if (kind == "c") return " Give real and imaginary parts as two numbers.";
  if (kind != "O") return "";
  for (const nb::handle item : array.attr("flat")) {
    if (nb::isinstance<Array>(item)) return " An Array has no numbers while its program is traced.";
    if (nb::isinstance<Parameter>(item)) return " The numbers of a Parameter are its value.";
    if (nb::isinstance<nb::dict>(item)) return " Only a state of solve or vector_field may be a dict; give its arrays.";
  }
  return "";
}

/// Whether the value is NumPy's own array of numbers T, C-contiguous, as most are; then its numbers, without a detour
/// through NumPy's functions.
template <class T>
bool read_plain(nb::handle value, HostArray& array) {
  nb::ndarray<const T, nb::c_contig, nb::device::cpu> view;
  if (type_of(value) != "numpy.ndarray" || !nb::try_cast(value, view, false)) return false;
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < view.ndim(); ++i) axes.push_back(static_cast<std::int64_t>(view.shape(i)));
  array = HostArray(Shape(std::move(axes)), std::vector<T>(view.data(), view.data() + view.size()));
  return true;
}

}  // namespace

std::string type_of(nb::handle value) {
  const auto name = nb::cast<std::string>(value.type().attr("__name__"));
  const auto module = nb::cast<std::string>(value.type().attr("__module__"));
  return module == "builtins" || module.starts_with("costate") ? name : text::concat(module, ".", name);
}

HostArray to_host(nb::handle value) {
  HostArray plain;
  if (read_plain<double>(value, plain) || read_plain<float>(value, plain)) return plain;
  const nb::module_ numpy = nb::module_::import_("numpy");
  nb::object array = as_numpy(numpy, value);
  const std::string kind = nb::cast<std::string>(array.attr("dtype").attr("kind"));
  if (kind != "f" && kind != "i" && kind != "u" && kind != "b") {
    const auto dtype = nb::cast<std::string>(array.attr("dtype").attr("name"));  // str96 is a text of three letters
    throw DtypeError("expected numbers; got ", type_of(value), kind == "U" || kind == "S" ? " of text" : " (dtype ",
                     kind == "U" || kind == "S" ? "" : dtype + ")", ".", hint_at(array, kind));
  }
  if (!array.is(value) && nb::cast<bool>(numpy.attr("ma").attr("is_masked")(value)))
    throw DtypeError("expected numbers; got a masked array. Fill what is masked, such as by .filled(numpy.nan).");
  const bool is_f32 = kind == "f" && nb::cast<int>(array.attr("dtype").attr("itemsize")) == 4;
  array = numpy.attr("ascontiguousarray")(array, is_f32 ? "float32" : "float64").attr("reshape")(array.attr("shape"));
  const Shape shape = to_shape(array.attr("shape"));
  const auto size = static_cast<std::size_t>(shape.size());
  if (is_f32) {
    const auto view = nb::cast<nb::ndarray<const float, nb::c_contig, nb::device::cpu>>(array);
    return HostArray(shape, std::vector<float>(view.data(), view.data() + size));
  }
  const auto view = nb::cast<nb::ndarray<const double, nb::c_contig, nb::device::cpu>>(array);
  return HostArray(shape, std::vector<double>(view.data(), view.data() + size));
}

namespace {

/// T is const for an array that is not to be written to.
template <class T>
NumpyArray copy_to_numpy(const T* data, const std::vector<std::size_t>& axes, std::size_t size) {
  using Numbers = std::vector<std::remove_const_t<T>>;
  auto* numbers = new Numbers(data, data + size);
  const nb::capsule owner(numbers, [](void* pointer) noexcept { delete static_cast<Numbers*>(pointer); });
  return nb::borrow<NumpyArray>(nb::cast(nb::ndarray<nb::numpy, T>(numbers->data(), axes.size(), axes.data(), owner)));
}

std::vector<std::size_t> axes_of(const HostArray& array) {
  return {array.shape().axes().begin(), array.shape().axes().end()};
}

}  // namespace

NumpyArray to_numpy(const HostArray& array) {
  const auto size = static_cast<std::size_t>(array.size());
  if (array.dtype() == Dtype::kF32) return copy_to_numpy<float>(array.data<float>().data(), axes_of(array), size);
  return copy_to_numpy<double>(array.data<double>().data(), axes_of(array), size);
}

NumpyArray to_numpy(HostArray&& array) {
  auto* kept = new HostArray(std::move(array));
  const nb::capsule owner(kept, [](void* pointer) noexcept { delete static_cast<HostArray*>(pointer); });
  const std::vector<std::size_t> axes = axes_of(*kept);
  const auto view = [&]<class T>(std::span<T> numbers) {
    return nb::borrow<NumpyArray>(nb::cast(nb::ndarray<nb::numpy, T>(numbers.data(), axes.size(), axes.data(), owner)));
  };
  return kept->dtype() == Dtype::kF32 ? view(kept->data<float>()) : view(kept->data<double>());
}

NumpyArray to_read_only(const HostArray& array) {
  const HostArray numbers = array.astype(Dtype::kF64);
  return copy_to_numpy<const double>(numbers.data<double>().data(), axes_of(numbers),
                                     static_cast<std::size_t>(numbers.size()));
}

NumpyArray to_numpy(const std::vector<double>& values) {
  return copy_to_numpy<double>(values.data(), {values.size()}, values.size());
}

NumpyArray to_numpy(const std::vector<std::int64_t>& values) {
  return copy_to_numpy<std::int64_t>(values.data(), {values.size()}, values.size());
}

Dtype to_dtype(nb::handle value) {
  if (nb::isinstance<nb::str>(value)) return dtype_from_name(nb::cast<std::string>(value));
  try {
    const nb::object dtype = nb::module_::import_("numpy").attr("dtype")(value);
    return dtype_from_name(nb::cast<std::string>(dtype.attr("name")));
  } catch (nb::python_error& error) {
    if (!error.matches(PyExc_TypeError)) throw;
    throw CallError("[dtype] must be 'f32', 'f64' or what NumPy calls them; got ", type_of(value), ".");
  }
}

std::vector<Parameter> to_parameters(nb::handle value) {
  if (nb::isinstance<Parameter>(value)) return {nb::cast<Parameter>(value)};
  const nb::object items = nb::isinstance<nb::list>(value) || nb::isinstance<nb::tuple>(value)
                               ? nb::borrow(value)
                               : nb::getattr(value, "parameters", nb::none());
  if (items.is_none())
    throw CallError("[Parameter] expected a Parameter, a list of Parameters, or a net that has some; got ",
                    type_of(value), ".");
  std::vector<Parameter> parameters;
  for (const nb::handle item : items)
    for (const Parameter& parameter : to_parameters(item)) parameters.push_back(parameter);
  return parameters;
}

std::string to_name(nb::handle value) {
  std::string name;
  if (!nb::try_cast(value, name)) throw CallError("a name of an input must be a string; got ", type_of(value), ".");
  return name;
}

std::vector<std::int64_t> to_integers(nb::handle value, const char* what) {
  std::int64_t number = 0;
  if (nb::try_cast(value, number)) return {number};
  const auto refuse = [what](nb::handle part) {
    throw CallError(what, " must be an integer or a sequence of integers; got ", type_of(part), ".");
  };
  if (!nb::isinstance<nb::sequence>(value)) refuse(value);
  std::vector<std::int64_t> numbers;
  for (const nb::handle item : value) {
    if (!nb::try_cast(item, number)) refuse(item);
    numbers.push_back(number);
  }
  return numbers;
}

Shape to_shape(nb::handle value) { return Shape(to_integers(value, "a shape")); }

HostArray with_batch_of_one(const HostArray& array) { return array.reshape(array.shape().with_first(1)); }

Shape without_first(const Shape& shape) {
  if (shape.rank() == 0) throw ShapeError("[solve] z0 and args must have shape [batch, ...]; got a scalar.");
  return shape.without_first();
}

std::vector<std::int64_t> all_axes_if_none(const Array& x, const nb::object& axis) {
  if (!axis.is_none()) return to_integers(axis, "axis");
  std::vector<std::int64_t> axes;
  for (int i = 0; i < x.shape().rank(); ++i) axes.push_back(i);
  return axes;
}

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

Array reduced(Reduction reduce, const Array& x, const nb::object& axis) { return reduce(x, all_axes_if_none(x, axis)); }

Array running_sums(const Array& x, const nb::object& axis) {
  int along = 0;
  if (axis.is_none()) return cumsum(reshape(x, {x.shape().size()}));
  if (!nb::try_cast(axis, along)) throw CallError("axis must be an integer; got ", type_of(axis), ".");
  return cumsum(x, along);
}

bool holds_arrays(nb::handle value) {
  if (nb::isinstance<Array>(value) || nb::isinstance<Parameter>(value)) return true;
  if (nb::ndarray_check(value) && nb::hasattr(value, "flat")) {  // numpy.array([z[1], -z[0]]) holds objects
    if (nb::cast<std::string>(value.attr("dtype").attr("kind")) != "O") return false;
    for (const nb::handle part : value.attr("flat"))
      if (holds_arrays(part)) return true;
    return false;
  }
  if (!nb::isinstance<nb::list>(value) && !nb::isinstance<nb::tuple>(value)) return false;
  for (const nb::handle part : value)
    if (holds_arrays(part)) return true;
  return false;
}

Array to_array(nb::handle value) {
  if (nb::isinstance<Array>(value)) return nb::cast<Array>(value);
  if (nb::isinstance<Parameter>(value)) return Array(nb::cast<Parameter>(value));
  if (holds_arrays(value)) {  // [z[1], -z[0]], as Python code would write it
    if (nb::ndarray_check(value)) return to_array(value.attr("tolist")());
    std::vector<Array> parts;
    for (const nb::handle part : value) parts.push_back(to_array(part));
    return stack(parts);
  }
  double number = 0;
  const bool is_number = nb::isinstance<nb::float_>(value) || nb::isinstance<nb::int_>(value);
  if (is_number && nb::try_cast(value, number)) return constant(number);
  return constant(to_host(value).astype(Dtype::kF64));
}

}  // namespace costate::python

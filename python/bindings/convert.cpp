// Values of Python and NumPy as ours, and back.
#include "costate/base/error.h"
#include "python/bindings/bindings.h"

namespace costate::python {
namespace {

/// NumPy's array of a value. Its own message on lists of unequal lengths does not say what to do.
nb::object as_numpy(const nb::module_& numpy, nb::handle value) {
  try {
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
  for (const nb::handle item : array.attr("flat"))
    if (nb::isinstance<Array>(item) || nb::isinstance<Parameter>(item))
      return " NumPy's functions take no Arrays: use costate's, such as costate.stack.";
  return "";
}

}  // namespace

HostArray to_host(nb::handle value) {
  const nb::module_ numpy = nb::module_::import_("numpy");
  nb::object array = as_numpy(numpy, value);
  const std::string kind = nb::cast<std::string>(array.attr("dtype").attr("kind"));
  if (kind != "f" && kind != "i" && kind != "u" && kind != "b")
    throw DtypeError("expected numbers; got ", type_of(value), " (dtype ",
                     nb::cast<std::string>(array.attr("dtype").attr("name")), ").", hint_at(array, kind));
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

template <class T>
NumpyArray copy_to_numpy(const T* data, const std::vector<std::size_t>& axes, std::size_t size) {
  auto* numbers = new std::vector<T>(data, data + size);
  const nb::capsule owner(numbers, [](void* pointer) noexcept { delete static_cast<std::vector<T>*>(pointer); });
  return nb::borrow<NumpyArray>(nb::cast(nb::ndarray<nb::numpy, T>(numbers->data(), axes.size(), axes.data(), owner)));
}

}  // namespace

NumpyArray to_numpy(const HostArray& array) {
  const std::vector<std::size_t> axes(array.shape().axes().begin(), array.shape().axes().end());
  const auto size = static_cast<std::size_t>(array.size());
  if (array.dtype() == Dtype::kF32) return copy_to_numpy(array.data<float>().data(), axes, size);
  return copy_to_numpy(array.data<double>().data(), axes, size);
}

NumpyArray to_numpy(const std::vector<double>& values) {
  return copy_to_numpy(values.data(), {values.size()}, values.size());
}

NumpyArray to_numpy(const std::vector<std::int64_t>& values) {
  return copy_to_numpy(values.data(), {values.size()}, values.size());
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

bool holds_arrays(nb::handle value) {
  if (nb::isinstance<Array>(value) || nb::isinstance<Parameter>(value)) return true;
  if (!nb::isinstance<nb::list>(value) && !nb::isinstance<nb::tuple>(value)) return false;
  for (const nb::handle part : value)
    if (holds_arrays(part)) return true;
  return false;
}

Array to_array(nb::handle value) {
  if (nb::isinstance<Array>(value)) return nb::cast<Array>(value);
  if (nb::isinstance<Parameter>(value)) return Array(nb::cast<Parameter>(value));
  if (holds_arrays(value)) {  // [z[1], -z[0]], as Python code would write it
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

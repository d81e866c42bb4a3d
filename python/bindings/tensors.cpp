#include "python/bindings/tensors.h"

namespace costate::python {
namespace {

/// Names that are looked up again and again, made once.
struct Names {
  nb::object shape = nb::str("shape"), dtype = nb::str("dtype"), device = nb::str("device"),
             flows = nb::str("requires_grad"), is_contiguous = nb::str("is_contiguous"), is_negated = nb::str("is_neg"),
             address = nb::str("data_ptr"), new_empty = nb::str("new_empty"), numel = nb::str("numel");
  nb::object empty_like = nb::module_::import_("torch").attr("empty_like");
};

const Names& names() {
  static const Names* const made = new Names;  // never freed, since the interpreter may be gone by then
  return *made;
}

nb::object call(nb::handle object, const nb::object& method) { return object.attr(method)(); }

bool is_equal(const nb::object& a, PyObject* b) {
  const int found = PyObject_RichCompareBool(a.ptr(), b, Py_EQ);
  if (found < 0) throw nb::python_error();
  return found == 1;
}

}  // namespace

Address address_of(nb::handle tensor) { return nb::cast<Address>(call(tensor, names().address)); }

std::optional<std::vector<Address>> addresses_of(const nb::tuple& tensors, std::size_t begin, std::size_t end,
                                                 nb::handle dtype) {
  std::vector<Address> found;
  found.reserve(end - begin);
  for (std::size_t i = begin; i < end; ++i) {
    const nb::handle tensor = tensors[i];
    if (tensor.is_none()) {
      found.push_back(0);
      continue;
    }
    if (!nb::getattr(tensor, names().dtype).is(dtype) || !call(tensor, names().is_contiguous).is(Py_True) ||
        !call(tensor, names().is_negated).is(Py_False))
      return std::nullopt;
    found.push_back(address_of(tensor));
  }
  return found;
}

std::size_t count_of(nb::handle tensor) { return nb::cast<std::size_t>(call(tensor, names().numel)); }

nb::object empty_like(nb::handle tensor) { return names().empty_like(tensor); }

nb::object new_empty(nb::handle state, std::int64_t count) {
  const nb::object shape = nb::getattr(state, names().shape);
  nb::list axes;
  axes.append(count);
  for (const nb::handle axis : shape) axes.append(axis);
  return state.attr(names().new_empty)(axes);
}

bool is_tensor_like(nb::handle tensor, nb::handle kind) {
  return is_equal(nb::getattr(tensor, names().shape), item_of(kind, 0)) &&
         nb::getattr(tensor, names().dtype).is(item_of(kind, 1)) &&
         is_equal(nb::getattr(tensor, names().device), item_of(kind, 2)) &&
         (item_of(kind, 3) == Py_True || nb::getattr(tensor, names().flows).is(Py_False));
}

}  // namespace costate::python

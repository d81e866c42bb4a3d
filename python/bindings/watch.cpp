// Whether Python values that a captured field reads are still the ones that were seen: one pass over all places, by
// identity alone, by what the stable ABI has. python/costate/torch/_watch.py makes the lists, and decides where a value
// is another one.
#include "python/bindings/tensors.h"

namespace costate::python {
namespace {

bool is_equal(PyObject* a, PyObject* b) {
  if (a == b) return true;
  const int found = PyObject_RichCompareBool(a, b, Py_EQ);
  if (found < 0) throw nb::python_error();
  return found == 1;
}

/// Whether a mapping has these keys and no others, in this order.
bool has_keys(nb::handle mapping, nb::handle keys) {
  if (static_cast<Py_ssize_t>(nb::len(mapping)) != PyTuple_Size(keys.ptr())) return false;
  Py_ssize_t i = 0;
  if (PyDict_Check(mapping.ptr())) {
    Py_ssize_t position = 0;
    for (PyObject *key = nullptr, *value = nullptr; PyDict_Next(mapping.ptr(), &position, &key, &value); ++i)
      if (!is_equal(key, PyTuple_GetItem(keys.ptr(), i))) return false;
    return true;
  }
  for (const nb::handle key : mapping)
    if (!is_equal(key.ptr(), PyTuple_GetItem(keys.ptr(), i++))) return false;
  return true;
}

/// What stands for the field itself, which is referred to weakly.
struct Root {
  nb::handle field, sign;

  bool is_same(PyObject* found, PyObject* kept) const { return found == kept || (field.is(found) && sign.is(kept)); }
};

/// Whether a mapping has a value at a key; `missing` stands for none.
bool has_value(nb::handle mapping, PyObject* key, PyObject* value, const Root& root, nb::handle missing) {
  if (PyDict_Check(mapping.ptr())) {
    PyObject* found = PyDict_GetItemWithError(mapping.ptr(), key);
    if (found == nullptr && PyErr_Occurred() != nullptr) throw nb::python_error();
    return root.is_same(found == nullptr ? missing.ptr() : found, value);
  }
  PyObject* found = PyObject_GetItem(mapping.ptr(), key);
  if (found == nullptr) {
    if (PyErr_ExceptionMatches(PyExc_KeyError) == 0) throw nb::python_error();
    PyErr_Clear();
    return missing.is(value);
  }
  Py_DECREF(found);
  return root.is_same(found, value);
}

/// Mappings that this file may read by themselves: those whose class has no way of its own to look up a key.
bool is_plain(nb::handle mapping) {
  static const nb::handle ordered = nb::object(nb::module_::import_("collections").attr("OrderedDict")).release();
  return PyDict_CheckExact(mapping.ptr()) || mapping.type().is(ordered) || Py_TYPE(mapping.ptr()) == &PyDictProxy_Type;
}

/// [mapping, all its keys or None, keys, values].
bool is_entry_same(nb::handle entry, const Root& root, nb::handle missing) {
  const nb::handle mapping = item_of(entry, 0), all_keys = item_of(entry, 1), keys = item_of(entry, 2),
                   values = item_of(entry, 3);
  if (!is_plain(mapping) || (!all_keys.is_none() && !has_keys(mapping, all_keys))) return false;
  for (Py_ssize_t i = 0; i < PyTuple_Size(keys.ptr()); ++i)
    if (!has_value(mapping, PyTuple_GetItem(keys.ptr(), i), PyList_GetItem(values.ptr(), i), root, missing))
      return false;
  return true;
}

/// [list, its items].
bool is_list_same(nb::handle entry) {
  PyObject *found = item_of(entry, 0), *kept = item_of(entry, 1);
  if (!PyList_CheckExact(found) || PyList_Size(found) != PyList_Size(kept)) return false;
  for (Py_ssize_t i = 0; i < PyList_Size(kept); ++i)
    if (PyList_GetItem(found, i) != PyList_GetItem(kept, i)) return false;
  return true;
}

/// [cell, content].
bool is_cell_same(nb::handle entry, const Root& root, nb::handle missing) {
  static const nb::handle name = nb::str("cell_contents").release();
  PyObject* found = PyObject_GetAttr(item_of(entry, 0), name.ptr());
  if (found == nullptr) {  // an empty one
    if (PyErr_ExceptionMatches(PyExc_ValueError) == 0) throw nb::python_error();
    PyErr_Clear();
    return missing.is(item_of(entry, 1));
  }
  const nb::object content = nb::steal(found);
  return root.is_same(content.ptr(), item_of(entry, 1));
}

/// [object or None for the field, name, value].
bool is_attribute_same(nb::handle entry, const Root& root, nb::handle missing) {
  const nb::handle of = item_of(entry, 0), owner = of.is_none() ? root.field : of;
  const nb::object found = nb::getattr(owner, nb::handle(item_of(entry, 1)), nb::borrow(missing));
  return found.is(item_of(entry, 2));
}

/// (entries, lists, cells, attributes, containers that are empty).
bool are_places_same(nb::handle places, const Root& root, nb::handle missing) {
  for (const nb::handle entry : nb::borrow<nb::list>(item_of(places, 0)))
    if (!is_entry_same(entry, root, missing)) return false;
  for (const nb::handle entry : nb::borrow<nb::list>(item_of(places, 1)))
    if (!is_list_same(entry)) return false;
  for (const nb::handle entry : nb::borrow<nb::list>(item_of(places, 2)))
    if (!is_cell_same(entry, root, missing)) return false;
  for (const nb::handle entry : nb::borrow<nb::list>(item_of(places, 3)))
    if (!is_attribute_same(entry, root, missing)) return false;
  for (const nb::handle container : nb::borrow<nb::list>(item_of(places, 4)))
    if (nb::len(container) != 0) return false;
  return true;
}

bool is_unchanged(nb::handle places, const nb::list& tensors, const nb::list& kinds, nb::handle field, nb::handle sign,
                  nb::handle missing) {
  if (!are_places_same(places, {.field = field, .sign = sign}, missing)) return false;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (!is_tensor_like(tensors[i], kinds[i])) return false;
  return true;
}

}  // namespace

void bind_watch(nb::module_& module) {
  module.def("_is_unchanged", &is_unchanged, nb::arg("places"), nb::arg("tensors"), nb::arg("kinds"),
             nb::arg("field").none(), nb::arg("sign"), nb::arg("missing"),
             "Whether each place holds the very object that it held, and tensors are of their kind: (shape, dtype, "
             "device, whether gradients may "
             "flow to it). `sign` stands for the field where it is kept, `missing` for nothing.");
  module.def(
      "_addresses", &addresses_of, nb::arg("tensors"), nb::arg("begin"), nb::arg("end"), nb::arg("dtype"),
      "Where the numbers of tensors lie, a list, 0 for None; None if one has another dtype, or is not C-contiguous.");
}

}  // namespace costate::python

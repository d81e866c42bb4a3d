// PyTorch's tensors as Python objects, for the door in python/costate/torch: this module is built without PyTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "python/bindings/bindings.h"

namespace costate::python {

/// An item of a list or tuple, borrowed.
inline PyObject* item_of(nb::handle sequence, Py_ssize_t i) {
  return PyTuple_Check(sequence.ptr()) ? PyTuple_GetItem(sequence.ptr(), i) : PyList_GetItem(sequence.ptr(), i);
}

/// Where the first number of a C-contiguous array lies; 0 where there is none.
using Address = std::uintptr_t;

/// Where the numbers of tensors lie, from position `begin` to before `end` of a tuple, 0 for None. Nothing if one of
/// them has another dtype, or lies otherwise than C-contiguous.
std::optional<std::vector<Address>> addresses_of(const nb::tuple& tensors, std::size_t begin, std::size_t end,
                                                 nb::handle dtype);
/// Where the numbers of a tensor lie, whatever it is like.
Address address_of(nb::handle tensor);
/// How many numbers a tensor has.
std::size_t count_of(nb::handle tensor);
/// Memory like that of a tensor.
nb::object empty_like(nb::handle tensor);
/// Memory for `count` states like one.
nb::object new_empty(nb::handle state, std::int64_t count);
/// Whether a tensor has a (shape, dtype, device), and no gradient flows to it unless it may: (…, whether it may).
bool is_tensor_like(nb::handle tensor, nb::handle kind);

void bind_tensor_solve(nb::module_& module);
void bind_watch(nb::module_& module);

}  // namespace costate::python

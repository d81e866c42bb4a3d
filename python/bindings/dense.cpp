// costate.DenseSolution.
#include "python/bindings/dense.h"

#include "costate/base/error.h"
#include "python/bindings/bindings.h"
#include "python/bindings/states.h"

namespace costate::python {
namespace {

/// z or dz/dt, without the axes that the times and the batch lack.
nb::any evaluate(const PythonDense& s, nb::handle given, HostArray (DenseSolution::*of)(const HostArray&) const) {
  const HostArray times = to_host(given).astype(Dtype::kF64);
  const bool is_number = times.shape().rank() == 0;
  HostArray values = ((*s.dense).*of)(is_number ? times.reshape({1}) : times);
  const std::vector<std::int64_t>& all = values.shape().axes();
  std::vector<std::int64_t> axes;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (!(i == 0 && s.is_single) && !(i == 1 && is_number)) axes.push_back(all[i]);
  return structured(s.structure, nb::borrow<nb::any>(to_numpy(values.reshape(Shape(axes)))));
}

nb::any step_times(const PythonDense& s) {
  nb::list all;
  for (std::int64_t i = 0; i < s.dense->batch(); ++i) all.append(to_numpy(s.dense->step_times(i)));
  return nb::borrow<nb::any>(s.is_single ? nb::object(all[0]) : nb::object(all));
}

nb::tuple dense_state(const PythonDense& s) {
  nb::dict arrays;
  for (const auto& [name, array] : s.dense->arrays()) arrays[nb::cast(name)] = to_numpy(array);
  return nb::make_tuple(arrays, s.is_single, s.structure);
}

void set_dense_state(PythonDense& s, const nb::tuple& state) {
  std::map<std::string, HostArray> arrays;
  for (const auto& [name, array] : nb::cast<nb::dict>(state[0])) arrays[to_name(name)] = to_host(array);
  new (&s) PythonDense{std::make_shared<const DenseSolution>(DenseSolution::from_arrays(arrays)),
                       nb::cast<bool>(state[1]), state[2]};
}

int visit_dense(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  if (nb::inst_ready(self)) Py_VISIT(nb::inst_ptr<PythonDense>(self)->structure.ptr());
  return 0;
}

int clear_dense(PyObject* self) {
  nb::inst_ptr<PythonDense>(self)->structure.reset();
  return 0;
}

/// A state's class may know the module that holds the dense output: Python looks for such cycles.
const PyType_Slot kDenseSlots[] = {{Py_tp_traverse, reinterpret_cast<void*>(&visit_dense)},
                                   {Py_tp_clear, reinterpret_cast<void*>(&clear_dense)},
                                   {0, nullptr}};

}  // namespace

void bind_dense(nb::module_& module) {
  nb::class_<PythonDense>(module, "DenseSolution", nb::type_slots(kDenseSlots),
                          R"(z(t) of a solve between its first and its last time: a polynomial a step.

It is what solve(..., dense=True) has as `dense`. It holds numbers alone, and can be pickled.
)")
      .def(
          "__call__", [](const PythonDense& s, nb::handle times) { return evaluate(s, times, &DenseSolution::states); },
          nb::arg("times"),
          R"(z at times, a number, [time] or [batch, time]: [batch, time, ...state], without the axes that there are not.

NaN where a sample's solve failed or an event has ended it before; at an event that moves the state, the one before it.
ValueError for times outside of the solve's own. Of a state of several arrays, these in the structure of z0.
)")
      .def(
          "slopes", [](const PythonDense& s, nb::handle times) { return evaluate(s, times, &DenseSolution::slopes); },
          nb::arg("times"), "dz/dt of the same, of the polynomials.")
      .def_prop_ro("step_times", &step_times,
                   "[step + 1]: where steps begin, and where the last one ends; of a batch, a list of them.")
      .def("__repr__",
           [](const PythonDense& s) {
             return text::concat("DenseSolution(", s.dense->batch(), " samples, ", s.dense->steps().starts.size(),
                                 " steps)");
           })
      .def("__getstate__", &dense_state)
      .def("__setstate__", &set_dense_state);
}

}  // namespace costate::python

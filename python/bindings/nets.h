// What all nets and models with weights have in Python: they are made of the options of a table, show them, and are
// pickled and copied with the values of their Parameters.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "python/bindings/keywords.h"

namespace costate::python {

/// Parameters' values, in order, and back.
nb::list values_of(const std::vector<Parameter>& parameters);
void set_values(const std::vector<Parameter>& parameters, const nb::list& values);

/// The class of a net that Net(options) makes, which has options() and parameters().
template <class Net, class Options>
nb::class_<Net> bind_net(nb::module_& module, const char* name, const Keywords<Options>& keywords, const char* doc) {
  nb::class_<Net> type(module, name, construct_by_init(), doc);
  const std::string signature = "def __init__(self" + parameters_of(keywords) + ") -> None";
  type.def(
      "__init__",
      [keywords](Net* self, const nb::args& args, const nb::kwargs& given) {
        new (self) Net(from_call(keywords, args, given));
      },
      nb::sig(signature.c_str()));
  type.def_prop_ro(
      "parameters", [](const Net& net) { return net.parameters(); }, "Its Parameters, in order.");
  type.def("__repr__",
           [keywords, name = std::string(name)](const Net& net) { return call_text(name, keywords, net.options()); });
  type.def("__getstate__", [keywords](const Net& net) {
    return nb::make_tuple(to_dict(keywords, net.options()), values_of(net.parameters()));
  });
  type.def("__setstate__", [keywords](Net& net, const std::pair<nb::dict, nb::list>& state) {
    new (&net) Net(from_dict(keywords, state.first));
    set_values(net.parameters(), state.second);
  });
  return type;
}

}  // namespace costate::python

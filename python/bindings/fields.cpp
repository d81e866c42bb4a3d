// Right-hand sides: Python's callables as traced VectorFields.
#include "python/bindings/fields.h"

#include <algorithm>

#include "costate/base/error.h"
#include "costate/solve/field_marks.h"
#include "python/bindings/bindings.h"

namespace costate::python {
namespace {

VectorField make_field(const nb::callable& f, const StateLayout& state, const nb::dict& arguments,
                       const nb::object& jac, const std::vector<std::string>& shared = {}) {
  std::vector<ArgumentSpec> specs;
  for (const auto& [name, shape] : arguments) specs.push_back({to_name(name), to_shape(shape)});
  for (const std::string& name : shared) {
    const auto at = std::ranges::find(specs, name, &ArgumentSpec::name);
    if (at == specs.end()) {
      std::vector<std::string> known;
      for (const ArgumentSpec& spec : specs) known.push_back(spec.name);
      throw InvalidArgument("[vector_field] ", text::unknown_name("shared argument", name, known));
    }
    at->kind = InputKind::kShared;
  }
  return internal::trace_field(
      state.parts, specs, [&](Array t, std::span<const Array> parts, std::span<const Array> more) {
        if (jac.is_none()) return state.to_parts(state.call(f, t, parts, more), "[vector_field] f must give");
        if (parts.size() != 1)
          throw NotSupported("[vector_field] jac is for a state of one array; got one of ", parts.size(), ".");
        const std::vector<Array> slope = state.to_parts(state.call(f, t, parts, more), "[vector_field] f must give");
        const Array matrix = to_array(state.call(jac, t, parts, more));
        return std::vector<Array>{internal::with_jacobian(slope[0], parts[0], matrix)};
      });
}

}  // namespace

VectorField to_field(const char* what, const nb::object& f, const StateLayout& state, const nb::dict& arguments,
                     const nb::object& jac) {
  if (nb::isinstance<VectorField>(f)) {
    if (!jac.is_none()) throw CallError("[solve] jac of a VectorField is given to vector_field; leave it out here.");
    return nb::cast<VectorField>(f);
  }
  if (PyCallable_Check(f.ptr()) == 0)
    throw CallError(what, " must be a callable f(t, z, ...) or a VectorField; got ", type_of(f), ".");
  return make_field(nb::cast<nb::callable>(f), state, arguments, jac);
}

TracedArguments traced_arguments(const nb::sequence& args) {
  TracedArguments found;
  for (const nb::handle argument : args) {
    found.values.push_back(to_array(argument));
    found.shapes[nb::cast("arg" + std::to_string(found.values.size() - 1))] =
        nb::tuple(nb::cast(found.values.back().shape().axes()));
  }
  return found;
}

std::function<Array(Array, Array)> to_function(const nb::callable& f) {
  return [&f](const Array& x, const Array& y) { return to_array(f(x, y)); };
}

void bind_vector_field(nb::module_& module) {
  nb::class_<VectorField>(module, "VectorField", nb::dynamic_attr(), "A traced right-hand side z' = f(t, z, ...).")
      .def_prop_ro("parameters", [](const VectorField& field) { return field.function().parameters(); })
      .def("__repr__", [](const VectorField& field) {
        std::vector<std::string> parts;
        for (const StatePart& part : field.parts()) parts.push_back(text::concat(part.name, ": ", part.shape));
        return field.parts().size() == 1 ? text::concat("VectorField(state=", field.parts()[0].shape, ")")
                                         : "VectorField(" + text::join(parts) + ")";
      });

  module.def(
      "vector_field",
      [](const nb::callable& f, nb::handle state_shape, const nb::dict& arguments, const nb::object& jac,
         const std::vector<std::string>& shared) {
        const StateLayout state = layout_of_shapes(state_shape);
        return with_structure(make_field(f, state, arguments, jac, shared), state.structure);
      },
      nb::arg("f"), nb::arg("state_shape"), nb::arg("arguments") = nb::dict(), nb::arg("jac") = nb::none(),
      nb::arg("shared") = std::vector<std::string>(),
      nb::sig("def vector_field(f: collections.abc.Callable, state_shape: object, arguments: dict = {}, jac: "
              "collections.abc.Callable | None = None, shared: collections.abc.Sequence[str] = ()) -> VectorField"),
      R"(Traces f(t, z, ...) once for one sample's state, for solves that share it.

state_shape  of one sample: (2,); or a dict, tuple, named tuple or dataclass of shapes, for a state of several arrays.
arguments    a dict: further inputs of f by name and shape, which solve takes as args=.
jac          jac(t, z, ...) gives df/dz, of f's shape and z's behind each other; None: from the graph. The linear systems
             of implicit methods take it as it is; derivatives are f's own.
shared       names of arguments that are one value for all samples, as weights are: solve takes them without the batch axis.
)");
}

}  // namespace costate::python

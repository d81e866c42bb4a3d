#include "python/bindings/states.h"

#include <string_view>

#include "costate/base/error.h"

namespace costate::python {
namespace {

nb::module_ module_of_structures() { return nb::module_::import_("costate._structure"); }

nb::list shapes_of(std::span<const Array> arrays) {
  nb::list shapes;
  for (const Array& array : arrays) shapes.append(nb::cast(array.shape().axes()));
  return shapes;
}

bool has_shapes(const nb::object& structure) { return !nb::object(structure.attr("shapes")).is_none(); }

}  // namespace

StateLayout::StateLayout(nb::object known) : structure(std::move(known)) {
  const nb::object shapes = structure.attr("shapes");
  std::size_t next = 0;
  for (const nb::handle name : structure.attr("names")) {
    const auto path = nb::cast<std::string>(name);  // "z0.position"
    parts.push_back({"z" + path.substr(std::string_view("z0").size()), to_shape(shapes[next++])});
  }
}

nb::object StateLayout::from_parts(std::span<const Array> arrays) const {
  if (structure.is_none()) return nb::cast(arrays[0]);
  nb::list leaves;
  for (const Array& array : arrays) leaves.append(nb::cast(array));
  return structure.attr("built")(leaves);
}

nb::object StateLayout::call(nb::handle code, const Array& t, std::span<const Array> arrays,
                             std::span<const Array> arguments) const {
  nb::list values;
  values.append(nb::cast(t));
  values.append(from_parts(arrays));
  for (const Array& argument : arguments) values.append(nb::cast(argument));
  return code(*values);
}

std::vector<Array> StateLayout::to_parts(nb::handle value, const char* what) const {
  if (value.is_none() && structure.is_none())
    throw DtypeError(what, " an array or a list of numbers; got None. Does it return what it computes?");
  if (structure.is_none()) return {to_array(value)};
  std::vector<Array> arrays;
  for (const nb::handle part : structure.attr("arrays")(value, what)) arrays.push_back(to_array(part));
  return arrays;
}

nb::any structured(const nb::object& structure, const nb::any& states) {
  return structure.is_none() ? states : nb::borrow<nb::any>(structure.attr("split")(states));
}

nb::object structure_of(const nb::object& f, const nb::object& z0) {
  if (!nb::isinstance<VectorField>(f)) return module_of_structures().attr("of_state")(z0);
  nb::object structure = nb::getattr(f, "_structure", nb::none());
  if (structure.is_none() && !nb::object(module_of_structures().attr("of_state")(z0)).is_none())
    throw ShapeError("[solve] the VectorField has one array for a state; got z0 with several (", type_of(z0),
                     "). Make it with vector_field(f, shapes), with a shape in place of each array.");
  return structure;
}

nb::object structure_of_saved(const nb::object& value) { return module_of_structures().attr("of_saved")(value); }

bool start_holds_arrays(const nb::object& structure, const nb::object& z0) {
  return holds_arrays(structure.is_none() ? z0 : structure.attr("leaves")(z0));
}

FlatStart<HostArray> flat_numbers(const nb::object& structure, const nb::object& z0) {
  const auto made = nb::cast<nb::tuple>(structure.attr("joined")(structure.attr("leaves")(z0)));
  return {.z0 = to_host(made[1]), .layout = StateLayout(made[0]), .is_single = nb::cast<bool>(made[2])};
}

FlatStart<Array> flat_array(const nb::object& structure, const nb::object& z0) {
  std::vector<Array> arrays, flat;
  for (const nb::handle leaf : structure.attr("leaves")(z0)) {
    arrays.push_back(to_array(leaf));
    flat.push_back(reshape(arrays.back(), {arrays.back().shape().size()}));
  }
  StateLayout layout(has_shapes(structure) ? structure : structure.attr("with_shapes")(shapes_of(arrays)));
  for (std::size_t i = 0; i < arrays.size(); ++i)
    if (!(layout.parts[i].shape == arrays[i].shape()))
      throw ShapeError("[solve] z0", layout.parts[i].name.substr(1), " must have shape ", layout.parts[i].shape,
                       "; got ", arrays[i].shape(), ".");
  return {.z0 = arrays.size() == 1 ? arrays[0] : concat(flat), .layout = std::move(layout)};
}

nb::object with_structure(VectorField field, const nb::object& structure) {
  nb::object made = nb::cast(std::move(field));
  made.attr("_structure") = structure;
  return made;
}

StateLayout layout_of_shapes(nb::handle state_shape) {
  const nb::object found = module_of_structures().attr("of_shapes")(state_shape);
  if (found.is_none()) return StateLayout(to_shape(state_shape));
  nb::list shapes;
  for (const nb::handle shape : found[1]) shapes.append(nb::cast(to_shape(shape).axes()));
  return StateLayout(nb::object(found[0].attr("with_shapes")(shapes)));
}

}  // namespace costate::python

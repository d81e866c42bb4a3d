// A state as Python has it and as the core has it: one array, or several in a dict, tuple, named tuple or dataclass,
// which are the parts of one flat state.
#pragma once

#include <optional>
#include <vector>

#include "costate/solve/vector_field.h"
#include "python/bindings/bindings.h"

namespace costate::python {

/// What the state of one sample is made of.
struct StateLayout {
  StateLayout(Shape shape) : parts{{"z", std::move(shape)}} {}
  /// `structure` is a costate._structure.Structure whose shapes are known.
  explicit StateLayout(nb::object structure);

  /// The state that a field is called with.
  nb::object from_parts(std::span<const Array> arrays) const;
  /// code(t, state, arguments…), as a field and an event are called.
  nb::object call(nb::handle code, const Array& t, std::span<const Array> arrays,
                  std::span<const Array> arguments) const;
  /// The arrays of the parts of a state, or of its derivative; ShapeError where it is built otherwise, which begins
  /// with `what`.
  std::vector<Array> to_parts(nb::handle value, const char* what) const;

  std::vector<StatePart> parts;
  nb::object structure = nb::none();  // None: one array
};

/// The structure of a solve's state: of the VectorField, or of z0; None for one array.
nb::object structure_of(const nb::object& f, const nb::object& z0);

/// That of what a save function gives.
nb::object structure_of_saved(const nb::object& value);

/// Numbers [..., state] of flat states in the structure; as they are where it is None.
nb::any structured(const nb::object& structure, const nb::any& states);

/// z0 with its arrays as one: flat, unless it is one array.
template <class Numbers>
struct FlatStart {
  Numbers z0;
  StateLayout layout;
  bool is_single = true;
};
/// Whether z0 holds Arrays.
bool start_holds_arrays(const nb::object& structure, const nb::object& z0);
FlatStart<HostArray> flat_numbers(const nb::object& structure, const nb::object& z0);
FlatStart<Array> flat_array(const nb::object& structure, const nb::object& z0);

/// A VectorField that remembers the structure of its state, as vector_field gives it; None for one array.
nb::object with_structure(VectorField field, const nb::object& structure);
/// The layout of shapes as vector_field takes them.
StateLayout layout_of_shapes(nb::handle state_shape);

}  // namespace costate::python

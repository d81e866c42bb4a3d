#include "costate/solve/vector_field.h"

#include "costate/base/error.h"
#include "costate/base/log.h"
#include "costate/graph/internal/empty_function.h"
#include "costate/solve/internal/field_stops.h"

namespace costate {

VectorField::VectorField(Function function, std::vector<StatePart> parts, std::vector<ArgumentSpec> arguments,
                         std::vector<Array> captured)
    : function_(std::move(function)),
      parts_(std::move(parts)),
      arguments_(std::move(arguments)),
      captured_(std::move(captured)) {
  internal::refuse_empty(function_, "VectorField");
  for (const StatePart& part : parts_) state_size_ += part.shape.size();
}

std::int64_t VectorField::offset_of(const std::string& name) const {
  std::int64_t offset = 0;
  std::vector<std::string> known;
  for (const StatePart& part : parts_) {
    if (part.name == name) return offset;
    offset += part.shape.size();
    known.push_back(part.name);
  }
  throw InvalidArgument("[VectorField.offset_of] ", text::unknown_name("state part", name, known));
}

namespace internal {

VectorField build_field(std::vector<StatePart> parts, std::vector<ArgumentSpec> arguments, const FieldRhs& rhs) {
  if (parts.empty()) throw InvalidArgument("[vector_field] the state needs at least one part; got none.");
  for (const StatePart& part : parts)
    if (part.shape.size() < 1)
      throw ShapeError("[vector_field] the state must hold at least one number; '", part.name, "' has shape ",
                       part.shape, ".");
  std::vector<ArgumentSpec> inputs = {{"t", {}}};
  for (const StatePart& part : parts) inputs.push_back({part.name, part.shape});
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  CapturingFunction traced = trace_capturing(inputs, [&](std::span<const Array> arrays) {
    std::vector<Array> slopes = rhs(arrays[0], arrays.subspan(1, parts.size()), arrays.subspan(1 + parts.size()));
    if (slopes.size() != parts.size())
      throw ShapeError("[vector_field] the right-hand side must give one derivative for each of ", parts.size(),
                       " state parts; got ", slopes.size(), ".");
    for (std::size_t i = 0; i < parts.size(); ++i)
      if (!(slopes[i].shape() == parts[i].shape))
        throw ShapeError("[vector_field] the derivative of '", parts[i].name, "' must have its shape ", parts[i].shape,
                         "; got ", slopes[i].shape(), ".");
    return slopes;
  });
  for (std::size_t i = 0; i < traced.captured.size(); ++i) {
    const Input& input = traced.function.inputs()[inputs.size() + i];
    arguments.push_back({input.name, input.shape, input.kind});
  }
  return VectorField(std::move(traced.function), std::move(parts), std::move(arguments), std::move(traced.captured));
}

VectorField trace_field(std::vector<StatePart> parts, std::vector<ArgumentSpec> arguments, const FieldRhs& rhs) {
  VectorField field = build_field(std::move(parts), std::move(arguments), rhs);
  for (const std::string& table : find_stops(field).unknown)
    log(LogLevel::kWarn, "[vector_field] ", table,
        ": steps may pass over what it does. Name the times in stop_at, or set max_step.");
  return field;
}

}  // namespace internal

VectorField vector_field_list(Shape state, std::vector<ArgumentSpec> arguments,
                              const std::function<Array(Array, Array, std::span<const Array>)>& rhs) {
  return internal::trace_field({{"z", std::move(state)}}, std::move(arguments),
                               [&](Array t, std::span<const Array> parts, std::span<const Array> more) {
                                 return std::vector<Array>{rhs(t, parts[0], more)};
                               });
}

VectorField vector_field(std::vector<StatePart> parts,
                         const std::function<std::vector<Array>(Array, std::span<const Array>)>& rhs) {
  return internal::trace_field(
      std::move(parts), {},
      [&](Array t, std::span<const Array> state, std::span<const Array>) { return rhs(t, state); });
}

}  // namespace costate

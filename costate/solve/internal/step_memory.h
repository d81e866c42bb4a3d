// What methods remember from step to step beside the state: they solve for both, as one state whose last part is the
// memory.
#pragma once

#include <cstdint>
#include <optional>

#include "costate/solve/internal/step_function.h"
#include "costate/solve/solve.h"

namespace costate::internal {

/// A field with the memory that a method has of its steps.
struct FieldWithMemory {
  /// Its parts are the field's and "memory", a vector, whose slope is 0 and means nothing.
  VectorField field;
  /// What is remembered at the start: a step from z0 whose h is the first that is not 0, giving the memory.
  StepFunction start;
};

/// Nothing of a method that remembers nothing.
std::optional<FieldWithMemory> with_memory(const VectorField& field, Method method);

/// A batch z0 [batch, …state] with the memory behind it, [batch, state and memory].
HostArray start_with_memory(const FieldWithMemory& lifted, const HostArray& z0, const HostArray& times,
                            const SolveOptions& options, std::span<const HostArray> arguments);

/// The states of a solve of a field with memory, [batch, time, …state], without it.
HostArray states_without_memory(const HostArray& states, const Shape& state);

/// The start inside a trace, of one sample: z0 [state], times [time]. `inputs`: the field's arguments and Parameters.
Array start_with_memory(const FieldWithMemory& lifted, const Array& z0, const Array& times, const SolveOptions& options,
                        std::span<const Array> inputs);
/// States [time, state and memory] inside a trace, as [time, state].
Array states_without_memory(const Array& states, std::int64_t size);

}  // namespace costate::internal

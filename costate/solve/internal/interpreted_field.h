// A field and its events for one sample, by the interpreter: what reference_solve is told of them.
#pragma once

#include <span>
#include <vector>

#include "costate/solve/internal/event_field.h"
#include "costate/solve/internal/reference_solve.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

/// f. The field, and the arguments and Parameters that it is given, outlive what these give.
ReferenceRhs interpreted_rhs(const VectorField& field, std::span<const std::vector<double>> arguments);

/// The derivatives that the gradient guard takes of f, or of an implicit method's steps.
ReferenceDerivatives interpreted_derivatives(const VectorField& field, const SolveOptions& options,
                                             std::span<const std::vector<double>> arguments);

/// A step of an implicit method, which outlives what this gives, too.
ReferenceStepper interpreted_step(const StepFunction& step, std::span<const std::vector<double>> arguments);

ReferenceEvents interpreted_events(const EventField& events, std::span<const std::vector<double>> arguments);

/// Appends to the states what a solve with events gives behind them (EventField::max_events).
void append_events(const EventField& events, const std::vector<ReferenceEvent>& found, std::vector<double>& result);

}  // namespace costate::internal

// The pieces of a fitted model that generated source consists of, each a function of one sample in normalized units.
#pragma once

#include <cstdint>

#include "costate/graph/graph.h"
#include "costate/series/series_model.h"

namespace costate::internal {

/// t [], y [z], then as far as the model has them: u [input], moved [z] and rates [z], c [covariate], phases [period].
/// Gives the slope [z].
Function model_field(const SeriesModel& model);

/// Its vjp by y and u: the same inputs and a cotangent [z]; gives the slope and the cotangents.
Function model_field_vjp(const SeriesModel& model);

/// measured [x], unmeasured [x] (1 where a number is missing), and c if the model has covariates: the whole state [z].
Function model_start(const SeriesModel& model);

/// c if the model has covariates: how an amount of 1 of each kind of event moves each state, [event, z].
Function model_response(const SeriesModel& model);

/// How the functions below call the phases of the clocks: 2 pi times the share of each period that has passed. The time
/// itself is for the target to take, in f64: since 1970 there are more seconds than f32 tells apart.
inline constexpr const char* kClockPhases = "phases";

/// The rate of change in the data's units, of many forms: state [z], then as far as the model has them: phases
/// [period], inputs [input], covariates [covariate]. NotSupported for a model with events.
Function model_rate(const SeriesModel& model);

/// `steps` fixed steps of the fit's method, unrolled, in the data's units: state [z], step [] (the length of one), then
/// as far as the model has them: phases [period] at the start, inputs [steps + 1, input] at the ends of the steps,
/// covariates. Gives states [steps + 1, z], the start first. NotSupported for events and for inputs on cubics.
Function model_steps(const SeriesModel& model, std::int64_t steps);

bool has_hidden_states(const SeriesModel& model);

}  // namespace costate::internal

// The field of a state and its tangents, and what events do to these.
//
//     z' = f(t, z, x),   s_k' = f_z s_k + f_x x_k
//
// with x_k the direction in which the arguments move. If the ends of fixed steps move, each time t by m(t), linear over
// the step, its size h does by m' h, and what moves by times is
//
//     s_k' = f_z s_k + f_x x_k + f_t m + f m',
//
// of which the method's steps are the tangent of those of z, to rounding. The time s of an event, where g(s, z(s), x) =
// 0, moves by
//
//     ds_k = -(g_z s_k + g_x x_k) / (g_t + g_z f(s, z)),
//
// the state there by s_k + f(s, z) ds_k, and if it becomes z+ = r(s, z, x), the tangents go on as what that moves by,
// less what the later start takes away again:
//
//     s_k+ = r_z s_k + r_x x_k + (r_t + r_z f(s, z) - f(s, z+)) ds_k
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "costate/graph/graph.h"
#include "costate/solve/events.h"
#include "costate/solve/internal/event_field.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

/// How a time t moves in a direction: by how much, and at which rate over t.
struct TimeMove {
  Array move, rate;
};

/// The directions of some tangents.
struct Directions {
  std::size_t count = 1;
  std::vector<ArgumentSpec> more = {};  // what `moves` reads besides: arguments behind the field's own and Parameters
  /// Inside a trace: how each argument of the field, then each Parameter, moves in a direction; an empty Array does
  /// not.
  std::function<std::vector<Array>(std::size_t direction, std::span<const Array> more)> moves;
  /// Inside a trace, where fixed steps move with their times; null where no time moves.
  std::function<TimeMove(const Array& t, std::span<const Array> more)> moves_time = nullptr;
};

/// The field of z and the tangents, each a part. Parameters are arguments of it.
VectorField tangent_field(const VectorField& field, const Directions& directions);

/// The events of a field as those of tangent_field(events.field, directions), which is `both`.
std::vector<SolveEvent> tangent_events(const EventField& events, const VectorField& both, const Directions& directions);

/// What moves events. Inputs: those of `both`; outputs: f(t, z) [state]; g_t + g_z f [events]; g_z s_k + g_x x_k, one
/// [events] a direction.
Function event_rates(const EventField& events, const VectorField& both, const Directions& directions);

/// f at t and a flat state, inside a trace. `arguments`: of the field, then its Parameters.
Array slope_at(const VectorField& field, const Array& t, const Array& z, std::span<const Array> arguments);

}  // namespace costate::internal

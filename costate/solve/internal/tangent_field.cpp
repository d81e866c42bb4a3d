#include "costate/solve/internal/tangent_field.h"

#include <limits>
#include <map>

#include "costate/base/text.h"
#include "costate/diff/diff.h"
#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/flat_state.h"

namespace costate::internal {
namespace {

/// The inputs of a field's Function at t and a flat state.
std::vector<Array> inputs_at(const VectorField& field, const Array& t, const Array& z,
                             std::span<const Array> arguments) {
  std::vector<Array> inputs = {t};
  for (const Array& part : split_state(z, field.parts())) inputs.push_back(part);
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  return inputs;
}

/// The derivative of a Function along tangents of its inputs, of which an empty one is 0.
class Derivative {
 public:
  explicit Derivative(Function function) : function_(std::move(function)) {}

  /// Inside a trace.
  std::vector<Array> along(std::span<const Array> inputs, std::span<const Array> tangents) {
    std::vector<std::size_t> moved;
    std::vector<Array> all(inputs.begin(), inputs.end());
    for (std::size_t i = 0; i < tangents.size(); ++i) {
      if (tangents[i].is_empty()) continue;
      moved.push_back(i);
      all.push_back(tangents[i]);
    }
    Function& forward = forward_[moved];
    if (forward.is_empty()) forward = costate::jvp(function_, moved);
    std::vector<Array> outputs = inline_function(forward, all);
    outputs.erase(outputs.begin(), outputs.begin() + static_cast<std::ptrdiff_t>(function_.outputs().size()));
    return outputs;
  }

 private:
  Function function_;
  std::map<std::vector<std::size_t>, Function> forward_;
};

/// A place on the solution of state and tangents, inside a trace.
struct Place {
  Array t;
  std::span<const Array> parts;      // z and the tangents, flat
  std::span<const Array> arguments;  // of the field of both
};

/// What the field's Functions, and their derivatives, are at a place.
class TangentsAt {
 public:
  TangentsAt(const VectorField& field, const Directions& directions, const Place& place)
      : field_(field),
        directions_(directions),
        place_(place),
        num_own_(field.function().inputs().size() - 1 - field.parts().size()),
        inputs_(inputs_at(field, place.t, place.parts[0], own())) {}

  std::span<const Array> own() const { return place_.arguments.first(num_own_); }
  const std::vector<Array>& inputs() const { return inputs_; }
  Array slope() const { return slope_at(field_, place_.t, place_.parts[0], own()); }

  /// The tangents of t, z and the arguments in a direction, at a fixed time.
  std::vector<Array> tangents(std::size_t direction) const {
    const std::vector<Array> moves = directions_.moves(direction, place_.arguments.subspan(num_own_));
    return inputs_at(field_, Array(), place_.parts[1 + direction], moves);
  }
  /// Those along the solution.
  std::vector<Array> along_time() const { return inputs_at(field_, ones({}), slope(), std::vector<Array>(num_own_)); }

 private:
  const VectorField& field_;
  const Directions& directions_;
  Place place_;
  std::size_t num_own_;
  std::vector<Array> inputs_;
};

/// The state after event `index` and the tangents there.
std::vector<Array> after_reset(const EventField& events, const Directions& directions, const Place& place,
                               std::size_t index) {
  const VectorField& field = events.field;
  const TangentsAt at(field, directions, place);
  Derivative values(events.values);
  const std::int64_t size = field.state_size();
  const auto first = static_cast<std::int64_t>(events.reset_rows[index]) * size;
  const auto number = static_cast<std::int64_t>(index);
  const auto moved = [&](const std::vector<Array>& outputs) { return outputs[1].slice(first, first + size); };
  const std::vector<Array> passing = values.along(at.inputs(), at.along_time());
  std::vector<Array> after = {moved(inline_function(events.values, at.inputs()))};
  const Array shift = moved(passing) - slope_at(field, place.t, after[0], at.own());
  // Lanes in which another event happened, or none, are evaluated as well, wherever they are.
  const Array rate = passing[0][number], touches = equal(rate, 0.0);
  for (std::size_t k = 0; k < directions.count; ++k) {
    const std::vector<Array> moving = values.along(at.inputs(), at.tangents(k));
    const Array later = moving[0][number] / where(touches, 1.0, rate);
    after.push_back(where(touches, std::numeric_limits<double>::quiet_NaN(), moved(moving) - later * shift));
  }
  return after;
}

}  // namespace

Array slope_at(const VectorField& field, const Array& t, const Array& z, std::span<const Array> arguments) {
  return join_state(inline_function(field.function(), inputs_at(field, t, z, arguments)));
}

VectorField tangent_field(const VectorField& field, const Directions& directions) {
  const std::vector<Input>& inputs = field.function().inputs();
  std::vector<StatePart> parts = {{"z", {field.state_size()}}};
  for (std::size_t k = 0; k < directions.count; ++k)
    parts.push_back({text::concat("tangent_", k), {field.state_size()}});
  std::vector<ArgumentSpec> arguments;
  for (std::size_t i = 1 + field.parts().size(); i < inputs.size(); ++i)
    arguments.push_back({inputs[i].name, inputs[i].shape, inputs[i].kind});
  arguments.insert(arguments.end(), directions.more.begin(), directions.more.end());
  return build_field(parts, arguments, [&](Array t, std::span<const Array> state, std::span<const Array> given) {
    const TangentsAt at(field, directions, {t, state, given});
    Derivative derivative(field.function());
    std::vector<Array> slopes = {at.slope()};
    for (std::size_t k = 0; k < directions.count; ++k) {
      std::vector<Array> tangents = at.tangents(k);
      if (!directions.moves_time) {
        slopes.push_back(join_state(derivative.along(at.inputs(), tangents)));
        continue;
      }
      const TimeMove time = directions.moves_time(t, given.subspan(at.own().size()));
      tangents[0] = time.move;
      slopes.push_back(join_state(derivative.along(at.inputs(), tangents)) + time.rate * slopes[0]);
    }
    return slopes;
  });
}

std::vector<SolveEvent> tangent_events(const EventField& events, const VectorField& both,
                                       const Directions& directions) {
  std::vector<SolveEvent> all;
  for (std::size_t i = 0; i < events.rules.size(); ++i) {
    const EventRule& rule = events.rules[i];
    const auto g = [&](const Array& t, std::span<const Array> parts, std::span<const Array> arguments) {
      const TangentsAt at(events.field, directions, {t, parts, arguments});
      return inline_function(events.values, at.inputs())[0][static_cast<std::int64_t>(i)];
    };
    const auto reset = [&](const Array& t, std::span<const Array> parts, std::span<const Array> arguments) {
      return after_reset(events, directions, {t, parts, arguments}, i);
    };
    all.push_back(event_of_parts(both, g, rule.resets ? EventReset(reset) : EventReset(),
                                 {.direction = rule.direction, .stop_after = rule.stop_after}));
  }
  return all;
}

Function event_rates(const EventField& events, const VectorField& both, const Directions& directions) {
  std::vector<ArgumentSpec> inputs;
  for (const Input& input : both.function().inputs()) inputs.push_back({input.name, input.shape, input.kind});
  return trace_list(inputs, [&](std::span<const Array> in) {
    const std::size_t num_parts = both.parts().size();
    const TangentsAt at(events.field, directions, {in[0], in.subspan(1, num_parts), in.subspan(1 + num_parts)});
    Derivative values(events.values);
    std::vector<Array> outputs = {at.slope(), values.along(at.inputs(), at.along_time())[0]};
    for (std::size_t k = 0; k < directions.count; ++k) outputs.push_back(values.along(at.inputs(), at.tangents(k))[0]);
    return outputs;
  });
}

}  // namespace costate::internal

// A solve that keeps a function of (t, z, arguments…) at its output times, and not the states.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "costate/solve/solve.h"

namespace costate {

/// What is kept of a state, traced for one sample. Its code may use the field's arguments, Parameters, and Arrays of a
/// trace around it, as the field's own may. Where a state is NaN (a sample that failed, or that an event ended), so is
/// what is kept of it.
class SaveFunction {
 public:
  /// Inputs of `function`: t [], the parts of the state, the arguments that the field declares, those captured, then
  /// its Parameters. Output: what is kept, of any shape.
  SaveFunction(Function function, std::size_t num_parts, std::size_t num_arguments, std::vector<Array> captured);

  const Function& function() const { return function_; }
  std::size_t num_parts() const { return num_parts_; }
  /// How many of the field's arguments it takes: all that are not captured.
  std::size_t num_arguments() const { return num_arguments_; }
  const std::vector<Array>& captured() const { return captured_; }
  const Shape& shape() const { return function_.output_shape(0); }

 private:
  Function function_;
  std::size_t num_parts_, num_arguments_;
  std::vector<Array> captured_;
};

/// Of code that takes lists: (t, parts of the state, the field's arguments).
using SaveValue = std::function<Array(Array, std::span<const Array>, std::span<const Array>)>;
SaveFunction save_of_parts(const VectorField& field, const SaveValue& save);

/// Of a field with one part: save(t, z, arguments…). InvalidArgument if it takes another number of arguments.
///
///     SaveFunction energy = save_function(ball, [](Array, Array z) { return 9.81 * z[0] + 0.5 * square(z[1]); });
template <class Save>
SaveFunction save_function(const VectorField& field, Save save) {
  return save_of_parts(field, [&](Array t, std::span<const Array> parts, std::span<const Array> arguments) {
    std::vector<Array> all = {t, parts[0]};
    all.insert(all.end(), arguments.begin(), arguments.end());
    constexpr int kArity = internal::arity<Save>();
    static_assert(kArity >= 2, "a save function takes t, z and the field's arguments");
    if (static_cast<std::size_t>(kArity) != all.size())
      throw InvalidArgument("[save_function] the function takes ", kArity - 2,
                            " arguments besides t and z; its field has ", arguments.size(), ".");
    return Array(internal::call_with(save, all, std::make_index_sequence<static_cast<std::size_t>(kArity)>{}));
  });
}

/// solve() of a batch whose Solution has in `states` what is kept: [batch, time, …shape]. The states are nowhere but in
/// the samples that are being solved; those at events and at the end are states. Throws as solve() does;
/// InvalidArgument for a function of a field with another state or other arguments, and for one that uses a trace
/// around it; NotSupported by 'bdf' and 'adams'.
Solution solve_saving(const VectorField& field, const SaveFunction& save, const HostArray& z0, const HostArray& times,
                      const SolveOptions& options = {}, std::span<const HostArray> arguments = {},
                      std::span<const SolveEvent> events = {}, const SolveWatch& watch = {});

/// solve() inside a trace: [time, …shape], with all derivatives of solve().
Array solve_saving(const VectorField& field, const SaveFunction& save, Operand z0, Operand times,
                   const SolveOptions& options = {}, std::span<const Array> arguments = {});

/// The same with events, whose `states` are [time, …shape].
EventSolution solve_saving(const VectorField& field, const SaveFunction& save, Operand z0, Operand times,
                           const SolveOptions& options, std::span<const Array> arguments, const EventList& events);

namespace internal {

/// InvalidArgument for a function of a field with another state or other arguments.
void check_save(const VectorField& field, const SaveFunction& save);

}  // namespace internal
}  // namespace costate

#include "costate/solve/internal/guard_problem.h"

#include <limits>
#include <numeric>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/graph/internal/reach.h"
#include "costate/solve/internal/implicit_step.h"

namespace costate::internal {
namespace {

template <class T>
std::vector<std::size_t> tangent_inputs(const LaneProblem<T>& problem, bool with_arguments) {
  const std::size_t all = problem.field.function().inputs().size() - 1;
  std::vector<std::size_t> positions(with_arguments ? all : problem.part_offsets.size());
  std::iota(positions.begin(), positions.end(), 1);
  return positions;
}

/// The jvp of an implicit method's step.
template <class T>
TileFunction<T> lower_step_tangent(const LaneProblem<T>& problem, const StepFunction& step, bool with_arguments,
                                   TimeRows& time) {
  const std::size_t state = step.first_state_input();
  std::vector<std::size_t> positions(with_arguments ? step.function.inputs().size() - state : 1);
  std::iota(positions.begin(), positions.end(), state);
  return lower_reading_time<T>({jvp(step.function, positions), {}}, problem.lanes, time, step.nodes.size());
}

template <class T>
TileFunction<T> lower_tangent(const LaneProblem<T>& problem, bool with_arguments, bool is_explicit_step,
                              TimeRows& time) {
  if (problem.function_step) {
    const auto make = is_explicit_step ? explicit_step : step_function;
    return lower_step_tangent(
        problem, make(problem.field, problem.options, StepUse::kTangent, std::numeric_limits<double>::epsilon()),
        with_arguments, time);
  }
  return lower_reading_time<T>({jvp(problem.field.function(), tangent_inputs(problem, with_arguments)), {}},
                               problem.lanes, time);
}

template <class T>
AlignedVector<T> state_pattern(const ErrorMeasure& measure) {
  AlignedVector<T> pattern(measure.rtol.size());
  for (std::size_t row = 0; row < pattern.size(); ++row)
    pattern[row] = is_controlled(measure.atol[row]) ? static_cast<T>(guard::pattern(0, row)) : T{0};
  return pattern;
}

template <class T>
constexpr double kRounding = std::numeric_limits<T>::epsilon();

bool is_kink(Op op) {
  switch (op) {
    case Op::kAbs:
    case Op::kRelu:
    case Op::kMin:
    case Op::kMax:
    case Op::kReduceMin:
    case Op::kReduceMax:
    case Op::kMaxPool:
    case Op::kMaxPoolInput:
    case Op::kMod:
      return true;
    default:
      return is_step(op);
  }
}

}  // namespace

bool has_kinks(const VectorField& field) {
  const Function& function = field.function();
  const PerNode<bool> moves = reached_from(function, 1, 1 + field.parts().size());
  for (NodeId id = 0; id < num_nodes(function); ++id)
    if (moves[id] && is_kink(function.node(id).op)) return true;
  return false;
}

template <class T>
TangentField<T>::TangentField(const LaneProblem<T>& problem, bool with_arguments, bool is_explicit_step)
    : function(lower_tangent(problem, with_arguments, is_explicit_step, time)) {
  if (problem.function_step && problem.function_step->explicit_step && !is_explicit_step)
    explicit_step = std::make_unique<const TangentField>(problem, with_arguments, true);
  const std::size_t num_arguments = problem.field.function().inputs().size() - 1 - problem.part_offsets.size();
  for (std::size_t i = 0; with_arguments && i < num_arguments; ++i) {
    const Input& argument = problem.argument(i);
    const std::size_t repeat = argument.kind == InputKind::kShared ? 1 : problem.lanes;
    AlignedVector<T>& tangent = arguments.emplace_back();
    for (std::size_t k = 0; k < static_cast<std::size_t>(argument.shape.size()); ++k)
      tangent.insert(tangent.end(), repeat, static_cast<T>(guard::pattern(1 + i, k)));
  }
}

template <class T>
GuardProblem<T>::GuardProblem(const LaneProblem<T>& problem)
    : limits(*problem.tableau, problem.measure.smallest_rtol(), problem.measure.smallest_atol(), kRounding<T>),
      rtols(disturbance_rtols(problem.measure, kRounding<T>)),
      num_controlled(problem.measure.num_controlled()),
      pattern(state_pattern<T>(problem.measure)),
      watches_inputs(problem.field.function().inputs().size() > 1 + problem.part_offsets.size()),
      field_has_kinks(has_kinks(problem.field)) {}

template <class T>
const TangentField<T>* GuardProblem<T>::tangent_field(const LaneProblem<T>& problem, bool with_arguments) const {
  Lazy& lazy = with_arguments ? of_inputs_ : of_state_;
  std::call_once(lazy.once, [&] {
    try {
      lazy.field = std::make_unique<const TangentField<T>>(problem, with_arguments);
    } catch (const NotSupported&) {
      lazy.field = nullptr;
    }
  });
  return lazy.field.get();
}

template struct TangentField<float>;
template struct TangentField<double>;
template class GuardProblem<float>;
template class GuardProblem<double>;

}  // namespace costate::internal

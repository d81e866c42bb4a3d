// What the gradient guards (lane_guard.h) of all tiles of a solve share.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "costate/solve/control/gradient_guard.h"
#include "costate/solve/internal/lane_problem.h"

namespace costate::internal {

/// Whether the field's derivative jumps along the state: whether relu, abs, max, min, a comparison or the like meets
/// what depends on it.
bool has_kinks(const VectorField& field);

/// The field's derivative along a tangent: of the state alone, or of the state and all arguments. Of an implicit method
/// that of its step; and of one that switches, of its other step, too.
template <class T>
struct TangentField {
  TangentField(const LaneProblem<T>& problem, bool with_arguments, bool is_explicit_step = false);

  TimeRows time;  // what the function reads of t
  TileFunction<T> function;
  std::unique_ptr<const TangentField> explicit_step = {};
  std::vector<AlignedVector<T>> arguments;  // their tangents: patterns
};

/// Limits, and the field's forward derivatives.
template <class T>
class GuardProblem {
 public:
  explicit GuardProblem(const LaneProblem<T>& problem);

  const guard::Limits limits;
  const std::vector<double> rtols;  // [state] disturbance_rtols
  const std::size_t num_controlled;
  const AlignedVector<T> pattern;  // [state]; 0 where a number is not controlled
  const bool watches_inputs;       // by a second tangent: what the field's arguments do over time
  const bool field_has_kinks;

  /// Lowered when the first guard needs it, which most solves never do. Null if an Extension of the field has no
  /// forward derivative.
  const TangentField<T>* tangent_field(const LaneProblem<T>& problem, bool with_arguments) const;

 private:
  struct Lazy {
    std::once_flag once;
    std::unique_ptr<const TangentField<T>> field;
  };
  mutable Lazy of_state_, of_inputs_;
};

extern template struct TangentField<float>;
extern template struct TangentField<double>;
extern template class GuardProblem<float>;
extern template class GuardProblem<double>;

}  // namespace costate::internal

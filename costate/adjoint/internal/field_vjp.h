// The vjp of a vector field, lowered once for tiles: what every adjoint of a solve evaluates.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// Which gradients of a solve are asked for, besides that of its start.
struct WantedGradients {
  bool times = false;
  std::vector<bool> arguments;  // the field's arguments, then its Parameters

  bool operator==(const WantedGradients&) const = default;
};

/// An argument or Parameter of the field whose cotangent is asked for.
struct WantedArgument {
  std::size_t index = 0;   // among the field's arguments, then its Parameters
  std::size_t size = 0;    // numbers a sample
  bool is_shared = false;  // its cotangent exists summed over the samples only
};

/// Cotangents of what a field reads, as its vjp gives them. Null where not wanted.
template <class T>
struct FieldCotangents {
  T* time = nullptr;          // [lanes]
  T* state = nullptr;         // [state, lanes]
  std::vector<T*> arguments;  // one a wanted argument: [n, lanes], or [n] added to where shared
};

template <class T>
class FieldVjp {
 public:
  FieldVjp(const LaneProblem<T>& problem, const WantedGradients& wanted);

  bool wants_times() const { return wants_times_; }
  const std::vector<WantedArgument>& arguments() const { return arguments_; }
  const TileFunction<T>& function() const { return function_; }

  /// Pointers of one evaluation at (times, y) with the cotangent of the slope [state, lanes].
  void bind_inputs(const T* times, const T* y, std::span<const T* const> arguments, const T* cotangent,
                   std::vector<const T*>& pointers) const;
  /// Where kForward writes the slope [state, lanes].
  void bind_slope(T* slope, std::vector<T*>& pointers) const;
  /// Where kReverse and kAccumulate write. Shared arguments are written by kAccumulate alone.
  void bind_cotangents(const FieldCotangents<T>& cotangents, std::vector<T*>& pointers) const;

 private:
  const LaneProblem<T>& problem_;
  bool wants_times_;
  std::vector<WantedArgument> arguments_;
  TileFunction<T> function_;
};

extern template class FieldVjp<float>;
extern template class FieldVjp<double>;

}  // namespace costate::internal

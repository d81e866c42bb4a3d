// The vjp of a vector field on tiles: what every adjoint of a solve evaluates. It is the function of a LaneProblem that
// was made with the wanted gradients.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

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
  explicit FieldVjp(const LaneProblem<T>& problem);

  bool wants_times() const { return problem_.gradients->times; }
  const std::vector<WantedArgument>& arguments() const { return arguments_; }
  const TileFunction<T>& function() const { return problem_.function; }

  /// Pointers of one evaluation at (times, y) with the cotangent of the slope [state, lanes].
  void bind_inputs(const T* times, const T* y, std::span<const T* const> arguments, const T* cotangent,
                   std::vector<const T*>& pointers) const;
  /// Where kForward writes the slope [state, lanes].
  void bind_slope(T* slope, std::vector<T*>& pointers) const;
  /// Where kReverse and kAccumulate write. Shared arguments are written by kAccumulate alone.
  void bind_cotangents(const FieldCotangents<T>& cotangents, std::vector<T*>& pointers) const;

 private:
  const LaneProblem<T>& problem_;
  std::vector<WantedArgument> arguments_;
};

extern template class FieldVjp<float>;
extern template class FieldVjp<double>;

}  // namespace costate::internal

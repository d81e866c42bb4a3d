// The solution of a solve that was run, as the right-hand side of its adjoint equation reads it: z(t) by the dense
// output of the steps, not solved again. In a Function it is an operation of t alone, so that f32 programs evaluate it
// in f64 (time_part.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "costate/graph/extension.h"
#include "costate/solve/internal/dense_record.h"

namespace costate::internal {

/// A piecewise polynomial of time for each lane of a tile.
class LaneTrajectory {
 public:
  virtual ~LaneTrajectory() = default;
  virtual std::size_t state_size() const = 0;
  /// out [state, lanes]: each lane's state, or its slope, at its own time.
  virtual void write(const double* times, bool is_slope, double* out) = 0;
};

/// That of recorded steps in T. It belongs to one thread: it remembers where it last looked, which changes no number.
template <class T>
class DenseTrajectory : public LaneTrajectory {
 public:
  /// Of the first `state_size` of the `recorded` numbers of a state.
  DenseTrajectory(std::size_t state_size, std::size_t recorded, std::size_t lanes)
      : state_size_(state_size), recorded_(recorded), lanes_(lanes), values_(state_size * lanes) {}

  /// The lane's steps from now on; both outlive this. One without steps rests at column `column` of `start` [state,
  /// lanes].
  void set(std::size_t lane, const DenseSteps<T>& steps, const T* start, std::size_t column) {
    const std::size_t count = steps.ends.size();
    of_lanes_[lane] = {.steps = &steps,
                       .start = start + column,
                       .terms = count == 0 ? 0 : steps.coefficients.size() / count / recorded_,
                       .end = count,
                       .hint = count};
  }
  /// The lane is asked for times within its steps first, …, end - 1 from now on: where one ends, so that the next one
  /// starts from another state, a time belongs to both.
  void limit(std::size_t lane, std::size_t first, std::size_t end) {
    Lane& limited = of_lanes_[lane];
    limited.end = std::min(end, limited.steps->ends.size());
    limited.first = std::min(first, limited.end - std::min<std::size_t>(limited.end, 1));
  }
  std::size_t state_size() const override { return state_size_; }
  void write(const double* times, bool is_slope, double* out) override;
  /// The states, rounded to T.
  void write_states(const double* times, T* out);

 private:
  struct Lane {
    const DenseSteps<T>* steps = nullptr;
    const T* start = nullptr;
    std::size_t terms = 0;           // of a polynomial
    std::size_t first = 0, end = 0;  // of the steps to look in
    std::size_t hint = 0;
  };

  static std::size_t find(Lane& lane, double t);

  std::size_t state_size_, recorded_, lanes_;
  std::vector<Lane> of_lanes_ = std::vector<Lane>(lanes_);
  AlignedVector<double> values_;
};

/// The state [state] of a trajectory at t [], inside a trace.
Array at_time(const std::shared_ptr<LaneTrajectory>& trajectory, const Array& t);

extern template class DenseTrajectory<float>;
extern template class DenseTrajectory<double>;

}  // namespace costate::internal

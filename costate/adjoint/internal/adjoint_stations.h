// Where the adjoint equation of each lane stops on its way back: at the outputs, and at the events, of which each lane
// has its own.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/lender.h"

namespace costate::internal {

struct AdjointStation {
  double t = 0;
  bool is_event = false;
  std::size_t index = 0;  // of the output, or in the lane's list of events
  // The solve's steps between the station before this one and this: first, …, end - 1 hold them.
  std::size_t first_step = 0, end_step = std::numeric_limits<std::size_t>::max();
};

template <class T>
class AdjointStations {
 public:
  /// The last station of each lane is the current one. Lanes that borrow have none.
  void start(const FinishedSolve<T>& solve, const Lender<T>& lender, std::size_t lanes);

  /// Whether the lane has a current station: it has not come past its first one.
  bool has(std::size_t lane) const { return left_[lane] > 0; }
  const AdjointStation& at(std::size_t lane) const { return of_lanes_[lane][left_[lane] - 1]; }
  bool has_event(std::size_t lane) const { return has(lane) && at(lane).is_event; }
  bool has_output(std::size_t lane) const { return has(lane) && !at(lane).is_event; }
  /// The one before the current one in time, to which the equation is solved next; null if there is none.
  const AdjointStation* next(std::size_t lane) const {
    return left_[lane] > 1 ? &of_lanes_[lane][left_[lane] - 2] : nullptr;
  }

  bool any() const;
  bool any_event() const;
  bool any_next() const;
  void advance();

 private:
  void fill(const FinishedSolve<T>& solve, std::size_t lane, std::size_t lanes);

  std::vector<std::vector<AdjointStation>> of_lanes_;  // in the order of the solve
  std::vector<std::size_t> left_;
};

extern template class AdjointStations<float>;
extern template class AdjointStations<double>;

}  // namespace costate::internal

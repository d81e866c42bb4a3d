// Lanes that count 0 times get the numbers of a lane that counts, as what is evaluated there must be finite: those
// whose solve failed, padding, and in a pass over events those that have none.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

template <class T>
class Lender {
 public:
  explicit Lender(const LaneProblem<T>& problem);

  /// Looks which lanes of a solve borrow. False if there is none to lend: all failed.
  bool start(const LaneSolver<T>& solver, const LaneInputs<T>& inputs);
  /// The lanes [lanes] that borrow are known.
  bool start(std::span<const char> borrows, std::span<const T* const> arguments);

  /// The lane that lends.
  std::size_t lender() const { return lender_; }
  bool borrows(std::size_t lane) const { return borrows_[lane] != 0; }
  /// Fills the borrowing columns of values [rows, lanes].
  template <class Number>
  void lend(Number* values, std::size_t rows) const {
    const std::size_t lanes = problem_.lanes;
    for (std::size_t lane = 0; lane < lanes; ++lane)
      for (std::size_t row = 0; borrows(lane) && row < rows; ++row)
        values[row * lanes + lane] = values[row * lanes + lender_];
  }
  /// The field's arguments and Parameters, lent where they are one of each sample.
  const std::vector<const T*>& arguments() const { return arguments_; }

 private:
  bool lend_arguments(std::span<const T* const> arguments);

  const LaneProblem<T>& problem_;
  std::size_t lender_ = 0;
  std::vector<char> borrows_;  // [lanes]
  std::vector<AlignedVector<T>> lent_;
  std::vector<const T*> arguments_;
};

extern template class Lender<float>;
extern template class Lender<double>;

}  // namespace costate::internal

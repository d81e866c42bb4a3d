// The last lanes of a tile that are at work. A step of a tile costs the same whether one lane takes it or all: once
// few lanes are left, a solver with one vector of lanes takes them to their end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

template <class T>
class Stragglers {
 public:
  /// `problem.narrow` must be there.
  explicit Stragglers(const LaneProblem<T>& problem);

  /// How many lanes can be taken over.
  std::size_t most() const { return columns_.size(); }

  /// Solves these lanes of `wide`, ascending and at most most(), to their end, from where they are between two steps.
  /// Writes the outputs to come into states [time, state, wide lanes].
  void run(const LaneSolver<T>& wide, std::span<const std::uint32_t> lanes, const LaneInputs<T>& inputs, T* states);

  /// The lanes of the last run(): lanes()[i] went on as lane i of solver().
  std::span<const std::uint32_t> lanes() const { return std::span(columns_).first(inputs_.num_samples); }
  const LaneSolver<T>& solver() const { return solver_; }
  const LaneInputs<T>& inputs() const { return inputs_; }

  /// Their columns of x [rows, wide lanes] as [rows, narrow lanes]; padding repeats the last one.
  template <class Number>
  void gather(const Number* x, std::size_t rows, Number* out) const {
    for (std::size_t row = 0; row < rows; ++row, x += problem_.lanes)
      for (const std::uint32_t column : columns_) *out++ = x[column];
  }

 private:
  const LaneProblem<T>& problem_;  // the wide one
  LaneSolver<T> solver_;
  std::vector<std::uint32_t> columns_;  // [narrow lanes] the wide lane of each
  LaneInputs<T> inputs_;
  AlignedVector<T> z0_, states_, shared_;
  std::vector<double> times_;
  std::vector<AlignedVector<T>> packed_;  // arguments of samples
  std::vector<const T*> arguments_;
};

extern template class Stragglers<float>;
extern template class Stragglers<double>;

}  // namespace costate::internal

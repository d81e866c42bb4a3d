// The integral of the cotangents of a field's arguments, a^T df/dx, over the steps of an adjoint solve:
//
//     g = - sum over steps, backwards, of  h/2 sum_k w_k (a^T df/dx)(t_k),   z(t_k) and a(t_k) by dense outputs
//
// by a Gauss-Kronrod pair on each step, which is halved where the pair's two integrals differ by more than the
// tolerances. A sample's own arguments go by that sample's integral. Those that all samples share exist summed over a
// tile only, and go by that sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "costate/adjoint/internal/field_pullback.h"
#include "costate/adjoint/internal/gauss_kronrod.h"
#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/trajectory.h"

namespace costate::internal {

template <class T>
class CotangentIntegral {
 public:
  struct Rule {
    std::span<const QuadratureNode> nodes;
    double rtol = 0, atol = 0;
    bool of_samples = false;  // whether it integrates the cotangents of arguments of samples, or the shared ones alone
  };
  CotangentIntegral(const LaneProblem<T>& problem, const FieldVjp<T>& field, const Rule& rule);

  /// `counts` [lanes]: those whose integrals are wanted.
  struct Interval {
    DenseTrajectory<T>* state = nullptr;
    DenseTrajectory<T>* adjoint = nullptr;
    const DenseRecord<T>* steps = nullptr;  // of the adjoint
    const double* idle_times = nullptr;     // [lanes] where lanes without a step are evaluated
    std::span<const char> counts;
  };
  void start(const std::vector<const T*>& arguments, std::size_t num_samples, SolveGradients<T>& gradients);
  /// Adds the integral over an interval to the gradients. Returns the evaluations of the vjp, over all samples.
  std::int64_t add(const Interval& interval);

 private:
  /// A piece of each lane's step: all of it at level 0, an eighth at level 3.
  struct Level {
    std::vector<double> from, to;
    std::vector<char> of_sample;  // [lane] its own integral still lacks this piece
    std::vector<char> in_sum;     // [lane] has a part in the sum
    bool of_sum = false;          // the sum still lacks this piece
    bool has(std::size_t lane) const { return of_sample[lane] != 0 || (of_sum && in_sum[lane] != 0); }
  };

  Level& level(std::size_t depth);
  void add_piece(std::size_t depth);
  void evaluate(const Level& piece);
  void add_node(const Level& piece, const QuadratureNode& node);
  bool judge_sample(std::size_t lane) const;
  bool judge_sum() const;
  void take_sample(std::size_t lane);
  void take_sum();
  double deviation(T piece, T rough, T sum) const;

  const LaneProblem<T>& problem_;
  const FieldVjp<T>& field_;
  const Rule rule_;
  const std::size_t lanes_;
  bool has_own_ = false, has_shared_ = false;
  FieldPullback<T> pullback_;
  typename FieldPullback<T>::Sums sums_, rough_sums_;  // of the piece: by all nodes, and by Gauss's
  std::vector<AlignedVector<T>> own_, rough_own_;      // the same of arguments of samples
  std::vector<Level> levels_;
  StageTimes<T> field_times_;
  AlignedVector<double> times_;
  AlignedVector<T> time_values_, z_, a_, weights_;
  SolveGradients<T>* gradients_ = nullptr;
  Interval interval_;
  std::int64_t evaluations_ = 0;
};

extern template class CotangentIntegral<float>;
extern template class CotangentIntegral<double>;

}  // namespace costate::internal

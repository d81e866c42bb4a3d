// The vjp of a vector field at one point of each lane, forward and back in one go: what continuous adjoints integrate.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/adjoint/internal/field_vjp.h"

namespace costate::internal {

template <class T>
class FieldPullback {
 public:
  FieldPullback(const LaneProblem<T>& problem, const FieldVjp<T>& field);

  /// Reads what all samples share. `arguments` are the field's, and outlive the runs.
  void start(const std::vector<const T*>& arguments, std::size_t num_samples);

  /// At times [TimeRows, lanes] and z [state, lanes] with the cotangent a [state, lanes].
  void run(const T* times, const T* z, const T* a);
  /// The cotangent of the wanted argument i, which is one of samples: [n, lanes].
  const T* of_samples(std::size_t i) const { return own_[i].data(); }

  /// Sums over the lanes, one [n] a wanted argument, empty where it is one of samples. They are complete after
  /// finish().
  struct Sums {
    explicit Sums(const FieldVjp<T>& field);
    void clear();

    std::vector<AlignedVector<T>> of_arguments;
    AlignedVector<T> partial;  // what waits for finish()
  };
  /// Right after run(): adds the cotangents of shared arguments, each lane's `lane_weights` times.
  void add(const T* lane_weights, Sums& sums);
  void finish(Sums& sums);

 private:
  void run(Phase phase, const T* lane_weights);
  void aim(Sums& sums);

  const FieldVjp<T>& field_;
  TileWorkspace<T> workspace_;
  AlignedVector<T> shared_, saved_, state_, time_, slope_;
  std::vector<AlignedVector<T>> own_;
  FieldCotangents<T> cotangents_;
  const std::vector<const T*>* arguments_ = nullptr;
  std::vector<const T*> input_pointers_;
  std::vector<T*> output_pointers_;
  std::size_t num_samples_ = 0;
};

extern template class FieldPullback<float>;
extern template class FieldPullback<double>;

}  // namespace costate::internal

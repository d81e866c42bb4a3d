// Solves by SUNDIALS' CVODE ('bdf', 'adams'): one sample after the other, each with steps and orders of its own.
#pragma once

#include <memory>
#include <span>

#include "costate/solve/internal/cvode_problem.h"
#include "costate/solve/internal/cvodes_library.h"
#include "costate/solve/internal/field_stops.h"
#include "costate/solve/internal/host_solver.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// An object of the library, freed with its handle.
using CvodeHandle = std::unique_ptr<void, void (*)(void*)>;
inline CvodeHandle no_handle() {
  return {nullptr, [](void*) {}};
}

/// What CVODES is asked with: a context, and the vectors and solvers of one thread.
class CvodeObjects {
 public:
  CvodeObjects();

  const sundials::Library& library() const { return library_; }
  sundials::Context context() const { return context_.get(); }
  CvodeHandle vector(std::size_t size) const;
  double* numbers(const CvodeHandle& vector) const { return library_.N_VGetArrayPointer(vector.get()); }
  CvodeHandle matrix(std::size_t size) const;
  CvodeHandle dense_solver(const CvodeHandle& vector, const CvodeHandle& matrix) const;
  CvodeHandle fixed_point(const CvodeHandle& vector) const;
  CvodeHandle memory(bool is_bdf) const;

 private:
  const sundials::Library& library_;
  CvodeHandle context_;
};

/// How long steps may be, and which numbers they keep at 0 or above. `spare` [state] is overwritten.
void limit_steps(const CvodeObjects& objects, const CvodeProblem& problem, sundials::Memory memory,
                 const CvodeHandle& spare);

/// A thread's solver.
class CvodeSolver {
 public:
  explicit CvodeSolver(const CvodeProblem& problem);
  CvodeSolver(const CvodeSolver&) = delete;
  CvodeSolver& operator=(const CvodeSolver&) = delete;

  /// Fills states [time, state], NaN from where the sample failed. `arguments` are the field's, then its Parameters.
  LaneOutcome solve(std::span<const double> z0, std::span<const double> times,
                    std::span<const std::vector<double>> arguments, double* states);

 private:
  struct Calls;  // what CVODE calls

  Status step_to_the_end(std::span<const double> times, double* states);
  Status begin_stretch(const Stop& from, const Stop& to);
  Status step(double end);
  void count_steps();

  const CvodeProblem& problem_;
  const CvodeObjects objects_;
  CvodeFunction slope_, jacobian_;
  CvodeHandle y_, other_, tolerances_, matrix_, linear_, nonlinear_, memory_;
  AlignedVector<double> rows_;        // of the Jacobian
  std::vector<Stop> stops_;           // in the direction of time
  double earliest_ = 0, latest_ = 0;  // where the field is evaluated between two of them
  bool is_begun_ = false;             // CVODE knows the problem
  double t_ = 0, direction_ = 1;
  LaneOutcome outcome_, before_;  // so far, and up to where this stretch began
};

/// solve() of a batch whose inputs were checked.
Solution solve_by_cvode(const VectorField& field, const SolveOptions& options, const HostBatch& batch);

}  // namespace costate::internal

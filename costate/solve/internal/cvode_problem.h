// A field as CVODES calls it: on one sample, its state flat, in f64 whatever the solve's dtype.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"
#include "costate/solve/internal/linear_field.h"
#include "costate/solve/options.h"

namespace costate::internal {

/// What all threads of such a solve share. Inputs of its functions: t, y [n], the field's arguments and Parameters; of
/// `vjp` besides the cotangent of the slope [n].
struct CvodeProblem {
  CvodeProblem(const VectorField& field, const SolveOptions& options,
               const std::optional<WantedGradients>& wanted = std::nullopt);

  VectorField field;
  SolveOptions options;
  std::size_t state_size;
  std::vector<double> rtols, atols;  ///< [state]
  bool is_bdf;
  TileFunction<double> slope;               ///< [n]
  TileFunction<double> jacobian;            ///< [n, n], row by row
  std::optional<TileFunction<double>> vjp;  ///< [n], then one a wanted argument: each is of the sample
  std::vector<std::size_t> wanted;          ///< which arguments
};

/// A thread's evaluations of one of the functions, for one sample.
class CvodeFunction {
 public:
  CvodeFunction(const TileFunction<double>& function, std::size_t num_outputs);

  /// What the field takes besides t and its state, for the calls to come.
  void prepare(std::span<const double* const> arguments);
  /// `cotangent` where the function takes one; outputs that are null are not wanted.
  void run(double t, const double* y, std::span<double* const> outputs, const double* cotangent = nullptr);

 private:
  const TileFunction<double>& function_;
  TileWorkspace<double> workspace_;
  AlignedVector<double> shared_, saved_;
  std::vector<const double*> inputs_;
  std::vector<double*> outputs_;
  std::size_t num_arguments_ = 0;
  double t_ = 0;
};

}  // namespace costate::internal

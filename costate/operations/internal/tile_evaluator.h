// A Function evaluated at numbers of f64 from within an operation: some inputs the same in all lanes, others [n,
// lanes].
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"

namespace costate::internal {

/// Buffers of one thread for one TileFunction<double>.
class TileEvaluator {
 public:
  explicit TileEvaluator(const TileFunction<double>& function)
      : function_(&function),
        workspace_(function.make_workspace()),
        shared_(function.shared_size()),
        saved_(function.saved_size()) {}

  /// To be called before evaluate() whenever a kShared input has changed, and once if there is none.
  void prepare(std::span<const double* const> inputs) { function_->prepare(inputs, shared_.data()); }

  /// `inputs` and `outputs` as TileCall has them.
  void evaluate(std::span<const double* const> inputs, std::span<double* const> outputs) {
    function_->run(Phase::kForward, {.inputs = inputs,
                                     .outputs = outputs,
                                     .shared = shared_.data(),
                                     .saved = saved_.data(),
                                     .workspace = &workspace_,
                                     .num_samples = function_->lanes()});
  }

 private:
  const TileFunction<double>* function_;
  TileWorkspace<double> workspace_;
  AlignedVector<double> shared_, saved_;
};

}  // namespace costate::internal

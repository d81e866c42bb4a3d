// A Function made ready for batches of any size: what compiled programs share.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "costate/exec/internal/batch_runner.h"
#include "costate/exec/program.h"
#include "costate/plan/shared_tail.h"

namespace costate::internal {

class BatchFunction {
 public:
  BatchFunction(const Function& function, const CompileOptions& options, const LateParts& late = {});

  Dtype dtype() const { return options_.dtype; }
  /// What runs a batch of this length. Lowers the function if no batch before has asked for the same lanes.
  template <class T>
  std::shared_ptr<const BatchRunner<T>> runner(std::size_t batch) const;

  /// Runs a batch in one go; of a function without late parts. `inputs` are checked.
  RunResult run(std::span<const HostArray* const> inputs, std::size_t batch) const;

  /// The inputs that finish() reads, positions; empty where it has nothing to do.
  std::span<const std::size_t> finish_inputs() const;
  /// Turns a runner's outputs from `first_output` on into those of the function, by what is computed of sums over the
  /// batch. `inputs`: one for each of finish_inputs().
  void finish(std::span<const HostArray* const> inputs, std::size_t first_output, RunResult& result) const;

 private:
  Function function_;
  std::optional<SharedTail> split_;
  std::size_t largest_image_;
  CompileOptions options_;
  LateParts late_;
  mutable std::mutex mutex_;
  // One lowering for each number of lanes: a batch of one and a full batch want different ones.
  mutable std::map<std::size_t, std::shared_ptr<const BatchRunner<float>>> f32_;
  mutable std::map<std::size_t, std::shared_ptr<const BatchRunner<double>>> f64_;
};

/// The outputs of a function from `first_output` on, of what was run in its place, a SharedTail's `samples`.
/// `shared_inputs`: one for each of SharedTail::shared_inputs.
std::vector<HostArray> join_outputs(const SharedTail& parts, std::span<const HostArray* const> shared_inputs,
                                    std::size_t first_output, Dtype dtype, std::vector<HostArray> outputs);

/// One array for each input of a function: the given ones, and its Parameters' values. InvalidArgument, in the name of
/// `where`, if their number is wrong.
std::vector<const HostArray*> all_inputs(const Function& function, std::span<const HostArray> given, const char* where);

/// The batch's length; 1 if no input is one of each sample. ShapeError, in the name of `where`, if an input does not
/// have its shape or the others' batch length.
std::size_t check_inputs(const Function& function, std::span<const HostArray* const> inputs, const char* where);

}  // namespace costate::internal

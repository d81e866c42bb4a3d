// compile_pullback: a Function that runs forward now and in reverse later. Each run gives an object that owns what the
// run has recorded.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/exec/program.h"
#include "costate/exec/run_report.h"
#include "costate/graph/graph.h"

namespace costate {

struct PullbackOptions {
  /// Positions in Function::inputs(), Parameters among them, of what gradients are wanted of; empty: of all. Nothing is
  /// recorded for the others.
  std::vector<std::size_t> wrt = {};
  Dtype dtype = Dtype::kF64;
  std::size_t lanes = 0;  // as in CompileOptions, as the next
  Device device = Device::kCpu;
};

/// What a call of a Pullback gives.
struct PullbackResult {
  /// One for each input of `wrt`, in its order: kSample [batch, …shape]; kShared, as Parameters are, […shape] summed
  /// over the batch.
  std::vector<HostArray> gradients;
  RunReport report;  // of the reverse alone
};

/// The reverse of one run: cotangents of its outputs to gradients of its inputs, at the inputs and Parameters that the
/// run had, whatever has been made of them since. May be called any number of times, with the same bits each time and
/// those of the same numbers through a compiled vjp(function); from any thread, while other runs and pull-backs are
/// under way. Copies share one record, which lasts as long as the last of them; its memory then serves the next runs of
/// the PullbackProgram, which need not be there any more.
class Pullback {
 public:
  /// `cotangents`: one for each output of the Function, [batch, …shape]. Samples whose run failed have gradient 0 and
  /// count nothing in sums. Throws InvalidArgument if their number is wrong, ShapeError if a shape is.
  PullbackResult operator()(std::span<const HostArray> cotangents) const;
  PullbackResult operator()(std::initializer_list<HostArray> cotangents) const {
    return (*this)(std::span(cotangents.begin(), cotangents.size()));
  }

  struct Record;
  explicit Pullback(std::shared_ptr<const Record> record) : record_(std::move(record)) {}

 private:
  std::shared_ptr<const Record> record_;
};

struct PullbackRun {
  std::vector<HostArray> outputs;  // one an output of the Function: [batch, …shape]
  RunReport report;                // of the run forward
  Pullback pullback;
};

class PullbackProgram {
 public:
  /// Runs forward on a batch, which takes the same inputs as Program::run and throws the same errors, and records what
  /// the reverse needs. Where no gradient is wanted, a Program of the same Function records nothing.
  ///
  /// A record is as large as what all tiles of the batch keep. Of solves these are the steps' states and evaluations,
  /// within SolveOptions::memory_budget for each thread, which all tiles of the record share.
  PullbackRun run(std::span<const HostArray> inputs) const;
  PullbackRun run(std::initializer_list<HostArray> inputs) const {
    return run(std::span(inputs.begin(), inputs.size()));
  }

  const Function& function() const;
  /// The positions of PullbackOptions::wrt; all if that was empty.
  const std::vector<std::size_t>& wrt() const;

  struct Implementation;
  explicit PullbackProgram(std::shared_ptr<const Implementation> implementation)
      : implementation_(std::move(implementation)) {}

 private:
  std::shared_ptr<const Implementation> implementation_;
};

/// Makes a PullbackProgram of a function. As a Program, it is lowered on the first run of each kind of batch, and may
/// run from many threads at once.
/// Throws: InvalidArgument if wrt names an input that is not there; NotSupported if an output is a sum over the batch
///         (OutputKind::kSum), or an operation has no derivative by what is asked for; and as compile() for a device.
PullbackProgram compile_pullback(const Function& function, const PullbackOptions& options = {});

}  // namespace costate

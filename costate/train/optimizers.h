// Optimizers: from the loss and its gradients at the Parameters' values to better values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/exec/run_report.h"
#include "costate/graph/graph.h"
#include "costate/train/evaluation.h"

namespace costate {

enum class OptimizerKind {
  kAdam,   // Kingma and Ba 2015, algorithm 1
  kAdamW,  // Loshchilov and Hutter 2019, algorithm 2: weight decay beside the gradient
  kSgd,    // with momentum: v = momentum v + g, x -= rate v
  kLbfgs,  // Nocedal and Wright 2006, algorithms 7.4 and 7.5, with backtracking; wants all samples in each step
};

/// "adam", "adamw", "sgd", "lbfgs".
std::string name(OptimizerKind kind);
/// InvalidArgument, with the nearest name, if there is none.
OptimizerKind optimizer_from_name(const std::string& name);

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kAdam;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double momentum = 0.9;
  double weight_decay = 0;  // AdamW: x -= rate * weight_decay * x; others add weight_decay * x to the gradient
  double clip_norm = 0;     // gradients with a larger norm over all Parameters are scaled down to it; 0: none are
  int history = 20;         // L-BFGS: pairs that are kept
};

/// What a step did.
struct StepResult {
  double loss = 0;           // before the step
  double gradient_norm = 0;  // before clipping
  bool was_skipped = false;  // loss or gradient were not finite, or L-BFGS found no lower point: nothing was changed
  RunReport report;          // of all evaluations
  double misclassified = 0;  // share of the samples before the step; NaN: nothing is classified
};

class Optimizer {
 public:
  /// InvalidArgument for options out of range or no Parameters.
  Optimizer(const OptimizerOptions& options, std::vector<Parameter> parameters);

  /// One step. `evaluate` is called once; by L-BFGS once more for each point of its line search. ShapeError if its
  /// gradients are not one a Parameter, shaped like it.
  StepResult step(const std::function<Evaluation()>& evaluate, double learning_rate);

  /// All that the next step depends on besides the Parameters, for a checkpoint.
  std::map<std::string, HostArray> state() const;
  /// DataError if it is not the state of such an optimizer.
  void set_state(const std::map<std::string, HostArray>& state);

 private:
  using Numbers = std::vector<double>;

  Numbers values() const;
  void set_values(const Numbers& values);
  /// ShapeError if the gradients are not one a Parameter, shaped like it.
  void flatten(const Evaluation& evaluation, Numbers& gradient) const;
  /// visit(x, first): the numbers of a Parameter, to be changed in place, and where they begin among all.
  template <class Visit>
  void for_each_parameter(Visit visit) const;
  // These step along gradient_.
  void step_adam(double learning_rate);
  void step_sgd(double learning_rate);
  bool step_lbfgs(double loss, const std::function<Evaluation()>& evaluate, double learning_rate, RunReport& report);
  Numbers lbfgs_direction(const Numbers& gradient) const;
  void remember(Numbers step, Numbers change);

  OptimizerOptions options_;
  std::vector<Parameter> parameters_;
  std::size_t size_ = 0;
  std::int64_t steps_ = 0;
  Numbers gradient_;                          // of the step being taken
  Numbers first_, second_;                    // moments, or the velocity
  std::vector<Numbers> moves_, differences_;  // L-BFGS: s and y, oldest first
};

}  // namespace costate

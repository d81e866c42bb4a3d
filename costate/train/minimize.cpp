#include "costate/train/minimize.h"

#include "costate/base/error.h"
#include "costate/train/optimizers.h"

namespace costate {

int minimize(HostArray& x, const std::function<Evaluation(const HostArray& x)>& evaluate,
             const MinimizeOptions& options) {
  if (options.steps < 0) throw InvalidArgument("[minimize] steps must be 0 or more; got ", options.steps, ".");
  const Parameter moving("x", x);
  Optimizer optimizer({.kind = OptimizerKind::kLbfgs, .history = options.history}, {moving});
  // A step begins with the evaluation that the one before ended with.
  HostArray known_at;
  Evaluation known;
  const auto evaluate_once = [&]() -> Evaluation {
    if (!known_at.same_bits(moving.value())) {
      known_at = moving.value();
      known = evaluate(known_at);
    }
    return known;
  };
  constexpr double kFirstMove = 0.01;  // along the gradient, before L-BFGS knows a curvature
  int step = 0;
  bool was_stuck = false;
  while (step < options.steps) {
    const bool is_stuck = optimizer.step(evaluate_once, kFirstMove).was_skipped;
    if (is_stuck && was_stuck) break;  // from a fresh start, too
    was_stuck = is_stuck;
    ++step;
    if (options.on_step) options.on_step(step, moving.value());
  }
  x = moving.value();
  return step;
}

}  // namespace costate

// The graph of a step under construction: its inputs, and the field at its nodes.
#pragma once

#include <span>
#include <vector>

#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/step_function.h"

namespace costate::internal {

class StepGraph {
 public:
  explicit StepGraph(const VectorField& field) : field_(field), scope_(builder_) {}

  /// The inputs of a StepFunction with these nodes, of which some may be there more than once.
  void make_inputs(std::span<const double> nodes);

  const Array& time(double node) const;
  const Array& h() const { return h_; }
  const Array& y() const { return y_; }
  /// f at t + node h and a flat state.
  Array f(double node, const Array& y);

  /// The step, whose outputs are these.
  StepFunction finish(std::span<const Array> outputs);

 protected:
  const VectorField& field_;
  StepFunction step_;
  Array h_, y_;

 private:
  GraphBuilder builder_;
  const BuilderScope scope_;
  std::vector<Array> times_, arguments_;
};

}  // namespace costate::internal

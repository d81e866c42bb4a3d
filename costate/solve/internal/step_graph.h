// The graph of a step under construction: its inputs, and the field at its nodes.
#pragma once

#include <span>
#include <vector>

#include "costate/graph/internal/builder.h"
#include "costate/solve/internal/step_function.h"

namespace costate::internal {

class StepGraph {
 public:
  /// `splits`: f() is the field without its explicit part (field_marks.h).
  explicit StepGraph(const VectorField& field, bool splits = false);

  /// The inputs of a StepFunction with these nodes, of which some may be there more than once.
  void make_inputs(std::span<const double> nodes);

  const Array& time(double node) const;
  const Array& h() const { return h_; }
  const Array& y() const { return y_; }
  /// f at t + node h and a flat state.
  Array f(double node, const Array& y);
  bool is_split() const { return is_split_; }
  /// The explicit part there, of a field that is split; it counts as no evaluation.
  Array f_explicit(double node, const Array& y) const { return evaluate(explicit_part_, node, y); }
  /// The inputs of a flat field at t + node h: t, y, arguments.
  std::vector<Array> flat_inputs(double node, const Array& y) const;
  /// What f() evaluates.
  const Function& function() const { return is_split_ ? implicit_part_ : field_.function(); }

  /// The step, whose outputs are these.
  StepFunction finish(std::span<const Array> outputs);

 protected:
  const VectorField& field_;
  StepFunction step_;
  Array h_, y_;

 private:
  Array evaluate(const Function& function, double node, const Array& y) const;

  const bool is_split_;
  const Function implicit_part_, explicit_part_;  // where it is split
  GraphBuilder builder_;
  const BuilderScope scope_;
  std::vector<Array> times_, arguments_;
};

}  // namespace costate::internal

#include "costate/solve/internal/reversible_step.h"

#include "costate/solve/internal/step_graph.h"

namespace costate::internal {
namespace {

class ReversibleStep {
 public:
  ReversibleStep(const VectorField& field, Method method, StepUse use)
      : graph_(field),
        is_alf_(method == Method::kAlf),
        size_(field.state_size() / (is_alf_ ? 2 : 3)),
        memory_(field.state_size() - size_),
        is_inverse_(use == StepUse::kInverse) {}

  StepFunction build() {
    graph_.make_inputs(is_alf_ ? std::vector<double>{0.5} : std::vector<double>{is_inverse_ ? 0.0 : 1.0});
    const Array next = is_alf_ ? alf() : heun();
    return graph_.finish(std::span(&next, 1));
  }

 private:
  Array block(std::int64_t index) const { return graph_.y().slice(index * size_, (index + 1) * size_); }
  Array f(double node, const Array& z) { return graph_.f(node, concat({z, zeros({memory_})})).slice(0, size_); }
  /// Backward a step is one of -h.
  Array h() const { return is_inverse_ ? -graph_.h() : graph_.h(); }

  Array alf() {
    const Array z = block(0), v = block(1), half = 0.5 * h();
    const Array next = 2.0 * f(0.5, z + half * v) - v;
    return concat({z + half * (v + next), next});
  }

  Array heun() {
    const Array z = block(0), y = block(1), m = block(2);
    const Array y_next = 2.0 * z - y + h() * m, m_next = f(is_inverse_ ? 0 : 1, y_next);
    return concat({z + 0.5 * h() * (m + m_next), y_next, m_next});
  }

  StepGraph graph_;
  const bool is_alf_;
  const std::int64_t size_, memory_;
  const bool is_inverse_;
};

}  // namespace

StepFunction reversible_step(const VectorField& field, Method method, StepUse use) {
  return ReversibleStep(field, method, use).build();
}

StepFunction reversible_start(const VectorField& field, Method method) {
  StepGraph graph(field);
  graph.make_inputs(std::vector<double>{0});
  const Array slope = graph.f(0, graph.y());
  const Array memory = method == Method::kAlf ? slope : concat({graph.y(), slope});
  return graph.finish(std::span(&memory, 1));
}

std::int64_t reversible_memory(const VectorField& field, Method method) {
  return field.state_size() * (method == Method::kAlf ? 1 : 2);
}

}  // namespace costate::internal

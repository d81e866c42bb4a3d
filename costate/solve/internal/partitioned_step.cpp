#include "costate/solve/internal/partitioned_step.h"

#include "costate/base/error.h"
#include "costate/operations/internal/sparsity.h"
#include "costate/solve/internal/step_graph.h"

namespace costate::internal {
namespace {

/// The two halves of a state, or of its slope.
struct Halves {
  Array q, v;
};

Halves halves_of(const Array& z, std::int64_t half) { return {z.slice(0, half), z.slice(half, 2 * half)}; }

class PartitionedStep {
 public:
  PartitionedStep(const VectorField& field, Method method, StepUse use)
      : graph_(field),
        remembers_(method == Method::kVelocityVerlet),
        half_(field.state_size() / (remembers_ ? 3 : 2)),
        is_inverse_(use == StepUse::kInverse) {}

  StepFunction build() { return remembers_ ? verlet() : euler(); }

 private:
  Array slope(double node, const Array& q, const Array& v) {
    return graph_.f(node, remembers_ ? concat({q, v, zeros({half_})}) : concat({q, v}));
  }
  Array rate_of_q(double node, const Array& q, const Array& v) { return halves_of(slope(node, q, v), half_).q; }
  Array rate_of_v(double node, const Array& q, const Array& v) { return halves_of(slope(node, q, v), half_).v; }

  StepFunction euler() {
    graph_.make_inputs(std::vector<double>{0, 1});
    const Array& h = graph_.h();
    auto [q, v] = halves_of(graph_.y(), half_);
    if (is_inverse_) {
      q = q - h * rate_of_q(1, q, v);
      v = v - h * rate_of_v(0, q, v);
    } else {
      v = v + h * rate_of_v(0, q, v);
      q = q + h * rate_of_q(1, q, v);
    }
    return finish({q, v});
  }

  StepFunction verlet() {
    graph_.make_inputs(std::vector<double>{0, 0.5, 1});
    const Array h = is_inverse_ ? -graph_.h() : graph_.h();
    auto [q, v] = halves_of(graph_.y(), half_);
    v = v + 0.5 * h * graph_.y().slice(2 * half_, 3 * half_);
    q = q + h * rate_of_q(0.5, q, v);
    const Array rate = rate_of_v(is_inverse_ ? 0 : 1, q, v);
    v = v + 0.5 * h * rate;
    return finish({q, v, rate});
  }

  /// Each half of the field was evaluated once.
  StepFunction finish(std::vector<Array> parts) {
    const Array next = concat(parts);
    StepFunction step = graph_.finish(std::span(&next, 1));
    step.evaluations = 1;
    return step;
  }

  StepGraph graph_;
  const bool remembers_;
  const std::int64_t half_;
  const bool is_inverse_;
};

}  // namespace

StepFunction partitioned_step(const VectorField& field, Method method, StepUse use) {
  return PartitionedStep(field, method, use).build();
}

StepFunction partitioned_start(const VectorField& field) {
  StepGraph graph(field);
  graph.make_inputs(std::vector<double>{0});
  const Array rate = halves_of(graph.f(0, graph.y()), field.state_size() / 2).v;
  return graph.finish(std::span(&rate, 1));
}

std::int64_t partitioned_memory(const VectorField& field, Method method) {
  return method == Method::kVelocityVerlet ? field.state_size() / 2 : 0;
}

void check_partition(const VectorField& field, Method method) {
  if (tableau(method).family != MethodFamily::kPartitioned) return;
  const std::int64_t size = field.state_size();
  const bool is_split = field.parts().size() != 2 || field.parts()[0].shape.size() == field.parts()[1].shape.size();
  if (size % 2 != 0 || !is_split)
    throw InvalidArgument("[solve] '", name(method), "' takes a state of positions and then as many velocities; got ",
                          size, is_split ? " numbers." : " numbers in parts of different sizes.");
  StepGraph graph(field);
  graph.make_inputs(std::vector<double>{0});
  const Array slope = graph.f(0, graph.y());
  const StepFunction step = graph.finish(std::span(&slope, 1));
  constexpr std::size_t kMost = std::size_t{1} << 24;
  const auto reads = dependencies(step.function, step.first_state_input(), kMost);
  if (!reads) return;  // so large that nothing is said of it
  const std::int64_t half = size / 2;
  for (std::int64_t i = 0; i < size; ++i)
    for (std::size_t k = reads->starts[static_cast<std::size_t>(i)]; k < reads->starts[static_cast<std::size_t>(i) + 1];
         ++k)
      if ((reads->members[k] < half) == (i < half))
        throw InvalidArgument("[solve] '", name(method), "' takes a field whose positions move by the velocities, and ",
                              "whose velocities move by the positions, and both by time; the slope of number ", i,
                              " depends on number ", reads->members[k],
                              ", of the same half of the state. Take 'midpoint', or an adaptive method.");
}

}  // namespace costate::internal

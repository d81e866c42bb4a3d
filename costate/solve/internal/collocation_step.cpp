// Steps by collocation: all stages are the unknowns of one system.
#include "costate/solve/internal/step_builder.h"

namespace costate::internal {
namespace {

class CollocationStep : private StepBuilder {
 public:
  CollocationStep(const VectorField& field, const SolveOptions& options, StepUse use, double rounding)
      : StepBuilder(field, options, use, rounding) {}

  StepFunction build() {
    check_unknowns();
    take(*implicit_method(options_.method).collocation);
    return finish();
  }

 private:
  void take(const Collocation& method) {
    make_inputs(with_start(method.c));  // where the Jacobian is taken
    const std::size_t stages = method.c.size();
    const std::int64_t n = field_.state_size();
    const Array f0 = f(0, y_);
    if (method.e.empty()) --step_.evaluations;  // of the Jacobian alone
    const Array of_start = start_jacobian(f0);
    const FactoredMatrix w = stage_matrix(method, Arrays(stages, of_start));
    const auto of_stage = [&](const Array& z, std::size_t i) {
      const auto first = static_cast<std::int64_t>(i) * n;
      return z.slice(first, first + n);
    };
    const auto residual = [&](const Array& z) {
      Arrays slopes, rows;
      for (std::size_t i = 0; i < stages; ++i) slopes.push_back(h_ * f(method.c[i], y_ + of_stage(z, i)));
      for (std::size_t i = 0; i < stages; ++i) rows.push_back(combine(method.a[i], slopes));
      Arrays increments;
      for (std::size_t i = 0; i < stages; ++i) increments.push_back(mass_times(of_stage(z, i)));
      return concat(rows) - concat(increments);
    };
    const NewtonRoot found = newton(residual, w, zeros({static_cast<std::int64_t>(stages) * n}));
    Arrays before, last;
    for (std::size_t i = 0; i < stages; ++i) {
      before.push_back(of_stage(found.before, i));
      last.push_back(of_stage(found.last, i));
    }
    note_newton_error(before, last, y_ + of_stage(found.z, stages - 1));
    const Array z = differentiable(found.z, residual, [&] {
      Arrays jacobians;
      for (std::size_t i = 0; i < stages; ++i) {
        const Array at = y_ + of_stage(found.z, i);
        jacobians.push_back(matrices_.jacobian(f(method.c[i], at), at));
      }
      return stage_matrix(method, jacobians);
    });
    Arrays increments, slopes;  // z_i, and h k_i
    for (std::size_t i = 0; i < stages; ++i) increments.push_back(of_stage(z, i));
    for (std::size_t i = 0; i < stages; ++i) slopes.push_back(combine(method.inverse[i], increments));
    y_next_ = y_ + (method.c.back() == 1 ? increments.back() : combine(method.b, slopes));
    if (!method.e.empty())
      error_ = matrices_.factored(newton_matrix(method.gamma, of_start))
                   .solve(method.gamma * (h_ * f0 + mass_times(combine(method.e, increments))));
    set_dense(slopes, method.dense);
  }

  /// M - h (a_ij J_j), to which no derivatives go.
  FactoredMatrix stage_matrix(const Collocation& method, const Arrays& jacobians) const {
    std::vector<Arrays> blocks(jacobians.size());
    for (std::size_t i = 0; i < jacobians.size(); ++i)
      for (std::size_t j = 0; j < jacobians.size(); ++j) {
        const Array block = (method.a[i][j] * h_) * jacobians[j];
        blocks[i].push_back(stop_gradient(i == j ? matrices_.mass() - block : -block));
      }
    return matrices_.factored_blocks(blocks);
  }
};

}  // namespace

StepFunction collocation_step(const VectorField& field, const SolveOptions& options, StepUse use, double rounding) {
  return CollocationStep(field, options, use, rounding).build();
}

}  // namespace costate::internal

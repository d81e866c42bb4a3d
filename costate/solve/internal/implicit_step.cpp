#include "costate/solve/internal/implicit_step.h"

#include <algorithm>
#include <cmath>

#include "costate/diff/diff.h"
#include "costate/solve/internal/lowered_time.h"
#include "costate/solve/internal/step_builder.h"

namespace costate::internal {
namespace {

/// Steps whose stages are solved one after the other.
class StagedStep : private StepBuilder {
 public:
  StagedStep(const VectorField& field, const SolveOptions& options, StepUse use, double rounding)
      : StepBuilder(field, options, use, rounding) {}

  StepFunction build_explicit() {
    take_explicit(tableau(kAutoExplicit));
    return finish();
  }

  StepFunction build() {
    check_unknowns();
    const ImplicitMethod data = implicit_method(options_.method);
    if (data.rosenbrock != nullptr)
      take_rosenbrock(*data.rosenbrock);
    else
      take_diagonal(*data.diagonal);
    return finish();
  }

 private:
  /// The dense output by increments D_1, D_2 and D_3 (implicit.h).
  void set_increments(Arrays increments) {
    increments.insert(increments.begin(), y_next_ - y_);
    set_dense(std::move(increments), {{1, 0, 0, 0}, {1, -1, 0, 0}, {0, 1, -1, 0}, {0, 0, 1, -1}});
  }

  /// A pair whose last two stages are both at the end of the step, and whose dense output is of degree 4.
  void take_explicit(const Tableau& method) {
    make_inputs(method.c);
    Arrays states, slopes;  // h k
    for (int i = 0; i < method.num_stages; ++i) {
      states.push_back(plus(y_, combine(method.a_row(i), slopes)));
      slopes.push_back(h_ * f(method.c[static_cast<std::size_t>(i)], states.back()));
    }
    y_next_ = states.back();
    error_ = combine(method.e, slopes);
    std::vector<double> increments[3];
    for (int i = 0; i < method.num_stages; ++i) {
      const std::span<const double> row = method.dense_row(i);
      increments[0].push_back(row[0]);
      increments[1].push_back(-(row[2] + row[3]));
      increments[2].push_back(-row[3]);
    }
    set_increments({combine(increments[0], slopes) - (y_next_ - y_), combine(increments[1], slopes),
                    combine(increments[2], slopes)});
    const std::size_t last = slopes.size() - 1;
    const Array moved = size_of({states[last] - states[last - 1]}, y_next_);
    const Array turned = size_of({slopes[last] - slopes[last - 1]}, y_next_);
    stiffness_ = where(moved > 0.0, turned / moved, constant(0.0)) / kAutoStability;
  }

  void take_rosenbrock(const Rosenbrock& method) {
    make_inputs(with_start(method.c));  // where the Jacobian is taken
    const Array f0 = f(0, y_), of_start = start_jacobian(f0);
    const FactoredMatrix w = matrices_.factored(newton_matrix(method.gamma, of_start));
    const Array h_gamma = method.gamma * h_;
    Array of_time;
    if (reads_time(field_.function())) {
      const Array one = constant(1.0);
      of_time = h_ * h_gamma * push_forward(std::span(&f0, 1), std::span(&time(0), 1), std::span(&one, 1))[0];
    }
    Arrays u;
    for (std::size_t i = 0; i < method.c.size(); ++i) {
      const Array slope = i == 0 ? f0 : f(method.c[i], plus(y_, combine(method.a[i], u)));
      std::vector<double> row = method.c_matrix[i];
      for (double& entry : row) entry *= method.gamma;
      Array side = plus(h_gamma * slope, mass_times(combine(row, u)));
      if (!of_time.is_empty() && method.d[i] != 0) side = side + method.d[i] * of_time;
      u.push_back(w.solve(side));
    }
    y_next_ = plus(y_, combine(method.m, u));
    error_ = combine(method.e, u);
    if (options_.method == Method::kAuto) {
      set_increments({combine(method.dense[0], u), combine(method.dense[1], u), combine(method.dense[2], u)});
      stiffness_ = abs(h_) * matrices_.norm(of_start) / kAutoStability;
      return;
    }
    std::vector<std::vector<double>> polynomials;  // of each u_i: what the increments D_p of implicit.h make of it
    for (std::size_t i = 0; i < u.size(); ++i) {
      const double d1 = method.dense[0][i], d2 = method.dense[1][i], d3 = method.dense[2][i];
      polynomials.push_back({method.m[i] + d1, d2 - d1, d3 - d2, -d3});
    }
    set_dense(u, polynomials);
  }

  /// Weights by which slopes at earlier nodes predict the one at `node`: by the polynomial through the first ones, or
  /// the slope at that very node.
  static std::vector<double> predictor(std::span<const double> nodes, double node) {
    constexpr std::size_t kMost = 3;
    std::vector<double> weights(nodes.size(), 0.0);
    if (const auto same = std::ranges::find(nodes, node); same != nodes.end()) {
      weights[static_cast<std::size_t>(same - nodes.begin())] = 1;
      return weights;
    }
    const std::span<const double> used = nodes.first(std::min(kMost, nodes.size()));
    for (std::size_t j = 0; j < used.size(); ++j) {
      weights[j] = 1;
      for (std::size_t k = 0; k < used.size(); ++k)
        if (k != j) weights[j] *= (node - used[k]) / (used[j] - used[k]);
    }
    return weights;
  }

  void take_diagonal(const DiagonallyImplicit& method) {
    make_inputs(with_start(method.c));  // where the Jacobian is taken
    const std::size_t stages = method.c.size();
    const Array f0 = f(0, y_);
    if (!method.starts_explicit()) --step_.evaluations;  // of the Jacobian alone
    const FactoredMatrix w = matrices_.factored(stop_gradient(newton_matrix(method.gamma, start_jacobian(f0))));
    Arrays slopes, others;  // h k, and that of the explicit part
    Arrays displacements;   // of the stages from y
    Array z;
    for (std::size_t i = 0; i < stages; ++i) {
      if (method.a[i][i] == 0)
        slopes.push_back(h_ * f0);
      else
        z = solve_stage(method, i, w, slopes, is_split() ? combine(method.explicit_a[i], others) : Array());
      displacements.push_back(z);
      if (is_split()) others.push_back(h_ * f_explicit(method.c[i], plus(y_, z)));
    }
    for (std::size_t i = 0; i < others.size(); ++i) slopes[i] = slopes[i] + others[i];
    const bool is_stiffly_accurate = method.a.back() == method.b;
    y_next_ = is_stiffly_accurate && !is_split() ? y_ + z : plus(y_, combine(method.b, slopes));
    if (!method.e.empty()) error_ = combine(method.e, slopes);
    if (method.filters_error) error_ = w.solve(error_);
    if (!method.dense_stages.empty()) {
      set_dense_through(method, displacements);
    } else if (method.starts_explicit() && is_stiffly_accurate) {
      set_dense({y_next_ - y_, slopes.front(), slopes.back()}, {{0, 3, -2}, {1, -2, 1}, {0, -1, 1}});
    } else {
      set_dense({y_next_ - y_}, {{1}});
    }
  }

  /// The polynomial through y, the states at dense_stages and y1.
  void set_dense_through(const DiagonallyImplicit& method, const Arrays& displacements) {
    Arrays vectors;
    std::vector<double> nodes;
    for (const std::size_t stage : method.dense_stages) {
      vectors.push_back(displacements[stage]);
      nodes.push_back(method.c[stage]);
    }
    vectors.push_back(y_next_ - y_);
    nodes.push_back(1);
    std::vector<std::vector<double>> polynomials;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      std::vector<double> polynomial = {1 / nodes[i]};  // of theta, theta², …
      for (std::size_t j = 0; j < nodes.size(); ++j) {
        if (j == i) continue;
        const double scale = 1 / (nodes[i] - nodes[j]);
        polynomial.push_back(0);
        for (std::size_t p = polynomial.size(); p-- > 0;)
          polynomial[p] = scale * ((p == 0 ? 0 : polynomial[p - 1]) - nodes[j] * polynomial[p]);
      }
      polynomials.push_back(std::move(polynomial));
    }
    set_dense(std::move(vectors), std::move(polynomials));
  }

  /// z of a stage, whose slope joins the others; `more` is what the explicit part adds to it, if it is not empty.
  Array solve_stage(const DiagonallyImplicit& method, std::size_t i, const FactoredMatrix& w, Arrays& slopes,
                    const Array& more) {
    const double gamma = method.a[i][i], node = method.c[i];
    Array base = combine(std::span(method.a[i]).first(i), slopes);
    if (!more.is_empty()) base = base.is_empty() ? more : base + more;
    const Array h_gamma = gamma * h_;
    const auto residual = [&](const Array& z) {
      const Array right = plus(h_gamma * f(node, y_ + z), base);
      return right - z;
    };
    Array guess = combine(predictor(std::span(method.c).first(i), node), slopes);
    guess = guess.is_empty() ? zeros(y_.shape()) : plus(gamma * guess, base);
    const NewtonRoot found = newton(residual, w, guess);
    note_newton_error({found.before}, {found.last}, y_ + found.z);
    const Array z = differentiable(found.z, residual, [&] {
      const Array at = y_ + found.z;
      return matrices_.factored(stop_gradient(newton_matrix(gamma, matrices_.jacobian(f(node, at), at))));
    });
    slopes.push_back((1 / gamma) * (base.is_empty() ? z : z - base));
    return z;
  }
};

}  // namespace

StepFunction implicit_step(const VectorField& field, const SolveOptions& options, StepUse use, double rounding) {
  if (implicit_method(options.method).collocation != nullptr) return collocation_step(field, options, use, rounding);
  return StagedStep(field, options, use, rounding).build();
}

StepFunction explicit_step(const VectorField& field, const SolveOptions& options, StepUse use, double rounding) {
  return StagedStep(field, options, use, rounding).build_explicit();
}

}  // namespace costate::internal

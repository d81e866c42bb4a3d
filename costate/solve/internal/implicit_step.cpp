#include "costate/solve/internal/implicit_step.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/solve/field_marks.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/lowered_time.h"
#include "costate/solve/internal/step_graph.h"
#include "costate/solve/internal/step_matrix.h"
#include "costate/solve/methods/implicit.h"

namespace costate::internal {
namespace {

// With steps that the error chooses the stages before predict a stage well. Steps of a given size may be long.
constexpr int kIterations = 6, kIterationsOfFixed = 12;
constexpr std::int64_t kMostUnknowns = 2048;  // of which a Jacobian has four million numbers for each sample

using Arrays = std::vector<Array>;

/// sum_j weights_j x_j, without those that are 0; empty if all are.
Array combine(std::span<const double> weights, std::span<const Array> x) {
  Array sum;
  for (std::size_t j = 0; j < weights.size(); ++j) {
    if (weights[j] == 0) continue;
    const Array term = weights[j] == 1 ? x[j] : weights[j] * x[j];
    sum = sum.is_empty() ? term : sum + term;
  }
  return sum;
}

Array plus(const Array& x, const Array& more) { return more.is_empty() ? x : x + more; }

/// The start and the nodes of a method.
std::vector<double> with_start(const std::vector<double>& nodes) {
  std::vector<double> all = {0};
  all.insert(all.end(), nodes.begin(), nodes.end());
  return all;
}

/// What Newton's method found, and its last two corrections.
struct Found {
  Array z, before, last;
};

/// The step of an implicit method.
class StepBuilder : private StepGraph {
 public:
  StepBuilder(const VectorField& field, const SolveOptions& options, StepUse use, double rounding)
      : StepGraph(field, splits(options.method) && has_explicit_part(field.function())),
        options_(options),
        matrices_(field, function(), options.mass_matrix, implicit_method(options.method).collocation == nullptr),
        use_(use),
        rounding_(rounding),
        measure_(error_measure(options, part_offsets(field), static_cast<std::size_t>(field.state_size()))),
        num_iterations_(tableau(options.method).has_error_estimate() ? kIterations : kIterationsOfFixed) {}

  StepFunction build_explicit() {
    take_explicit(tableau(kAutoExplicit));
    return finish();
  }

  StepFunction build() {
    const Method method = options_.method;
    const ImplicitMethod data = implicit_method(method);
    const std::int64_t unknowns =
        field_.state_size() * (data.collocation == nullptr ? 1 : static_cast<std::int64_t>(data.collocation->c.size()));
    if (unknowns > kMostUnknowns && !matrices_.is_sparse())
      throw InvalidArgument(
          "[solve] '", name(method), "' solves dense linear systems of ", unknowns,
          " unknowns for each sample at each step; more than ", kMostUnknowns,
          " are refused. Take an explicit method, a smaller state, or of a Jacobian that is mostly 0 'rodas5p' or "
          "'kvaerno5', which solve sparse systems.");
    if (data.rosenbrock != nullptr) take_rosenbrock(*data.rosenbrock);
    if (data.diagonal != nullptr) take_diagonal(*data.diagonal);
    if (data.collocation != nullptr) take_collocation(*data.collocation);
    return finish();
  }

 private:
  /// Whether the method takes marked terms by an explicit one.
  static bool splits(Method method) {
    const ImplicitMethod data = implicit_method(method);
    return data.diagonal != nullptr && !data.diagonal->explicit_a.empty();
  }

  /// M x with M of M y' = f.
  Array mass_times(const Array& x) const {
    const std::int64_t n = field_.state_size();
    if (options_.mass_matrix.empty() || x.is_empty()) return x;
    return matmul(constant(HostArray(Shape{n, n}, options_.mass_matrix)), x);
  }

  /// M - h gamma J.
  Array newton_matrix(double gamma, const Array& jacobian) const { return matrices_.mass() - (gamma * h_) * jacobian; }

  // Outputs

  void set_dense(Arrays vectors, std::vector<std::vector<double>> polynomials) {
    step_.num_dense = vectors.size();
    step_.dense_degree = polynomials.front().size();
    for (const std::vector<double>& row : polynomials) step_.dense.insert(step_.dense.end(), row.begin(), row.end());
    dense_ = std::move(vectors);
  }

  StepFunction finish() {
    Arrays outputs = {y_next_};
    if (use_ != StepUse::kTangent) outputs.insert(outputs.end(), dense_.begin(), dense_.end());
    step_.has_error = use_ != StepUse::kReverse && !error_.is_empty();
    step_.has_newton_error = use_ == StepUse::kForward && !newton_error_.is_empty();
    step_.has_stiffness = use_ == StepUse::kForward && !stiffness_.is_empty();
    if (step_.has_error) outputs.push_back(error_);
    if (step_.has_newton_error) outputs.push_back(newton_error_);
    if (step_.has_stiffness) outputs.push_back(stiffness_);
    return StepGraph::finish(outputs);
  }

  // Newton's method

  /// `residual`: G(z), which Newton's method brings to 0 by the matrix -W.
  Found newton(const std::function<Array(const Array&)>& residual, const FactoredMatrix& w, Array z) const {
    Found found;
    for (int iteration = 0; iteration < num_iterations_; ++iteration) {
      found.before = found.last;
      found.last = w.solve(residual(z));
      z = z + found.last;
    }
    found.z = stop_gradient(z);
    return found;
  }

  /// z with the derivative of the implicit function theorem, where one is wanted; `matrix` is -dG/dz there.
  Array differentiable(const Array& z, const std::function<Array(const Array&)>& residual,
                       const std::function<Array()>& matrix) const {
    if (use_ == StepUse::kForward) return z;
    const Array g = residual(z);
    return z + matrices_.factored(stop_gradient(matrix())).solve(g - stop_gradient(g));
  }

  /// The largest number of each [state], in tolerances at y.
  Array size_of(const std::vector<Array>& corrections, const Array& y) const {
    constexpr double kTiny = 1e-37;  // of f32, too; a number that is 0 and stays so has no error
    const Array tolerance =
        max(constant(HostArray::vector(measure_.atol)) + constant(HostArray::vector(measure_.rtol)) * abs(y), kTiny);
    Array worst;
    for (const Array& correction : corrections) {
      const Array size = reduce_max(abs(correction) / tolerance, {0});
      worst = worst.is_empty() ? size : max(worst, size);
    }
    return worst;
  }

  /// Joins what Newton's method is still off, of its last two corrections, to that of the stages before.
  void note_newton_error(const std::vector<Array>& before, const std::vector<Array>& last, const Array& y) {
    if (use_ != StepUse::kForward) return;
    const double arrived = std::min(kMostNewtonError, 64 * rounding_ / std::max(measure_.smallest_rtol(), rounding_));
    const Array size = size_of(last, y), theta = size / size_of(before, y);
    const Array off = where(theta < 1.0, size * theta / (1.0 - theta), constant(1e30));
    const Array error = where(size <= arrived, constant(0.0), off);
    newton_error_ = newton_error_.is_empty() ? error : max(newton_error_, error);
  }

  // Methods

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
    const Array f0 = f(0, y_), of_start = matrices_.jacobian(f0, y_);
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
    const FactoredMatrix w = matrices_.factored(stop_gradient(newton_matrix(method.gamma, matrices_.jacobian(f0, y_))));
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
    const Found found = newton(residual, w, guess);
    note_newton_error({found.before}, {found.last}, y_ + found.z);
    const int evaluations = step_.evaluations;
    const Array z = differentiable(found.z, residual, [&] {
      const Array at = y_ + found.z;
      return newton_matrix(gamma, matrices_.jacobian(f(node, at), at));
    });
    step_.evaluations = evaluations;
    slopes.push_back((1 / gamma) * (base.is_empty() ? z : z - base));
    return z;
  }

  void take_collocation(const Collocation& method) {
    make_inputs(with_start(method.c));  // where the Jacobian is taken
    const std::size_t stages = method.c.size();
    const std::int64_t n = field_.state_size();
    const Array f0 = f(0, y_);
    if (method.e.empty()) --step_.evaluations;  // of the Jacobian alone
    const Array start_jacobian = jacobian(f0, y_);
    const FactoredMatrix w = matrices_.factored(stop_gradient(stage_matrix(method, Arrays(stages, start_jacobian))));
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
    const Found found = newton(residual, w, zeros({static_cast<std::int64_t>(stages) * n}));
    Arrays before, last;
    for (std::size_t i = 0; i < stages; ++i) {
      before.push_back(of_stage(found.before, i));
      last.push_back(of_stage(found.last, i));
    }
    note_newton_error(before, last, y_ + of_stage(found.z, stages - 1));
    const int evaluations = step_.evaluations;
    const Array z = differentiable(found.z, residual, [&] {
      Arrays jacobians;
      for (std::size_t i = 0; i < stages; ++i) {
        const Array at = y_ + of_stage(found.z, i);
        jacobians.push_back(jacobian(f(method.c[i], at), at));
      }
      return stage_matrix(method, jacobians);
    });
    step_.evaluations = evaluations;
    Arrays increments, slopes;  // z_i, and h k_i
    for (std::size_t i = 0; i < stages; ++i) increments.push_back(of_stage(z, i));
    for (std::size_t i = 0; i < stages; ++i) slopes.push_back(combine(method.inverse[i], increments));
    y_next_ = y_ + (method.c.back() == 1 ? increments.back() : combine(method.b, slopes));
    if (!method.e.empty())
      error_ = matrices_.factored(newton_matrix(method.gamma, start_jacobian))
                   .solve(method.gamma * (h_ * f0 + mass_times(combine(method.e, increments))));
    set_dense(slopes, method.dense);
  }

  /// M - h (a_ij J_j).
  Array stage_matrix(const Collocation& method, const Arrays& jacobians) const {
    Arrays rows;
    for (std::size_t i = 0; i < jacobians.size(); ++i) {
      Arrays blocks;
      for (std::size_t j = 0; j < jacobians.size(); ++j) {
        const Array block = (method.a[i][j] * h_) * jacobians[j];
        blocks.push_back(i == j ? matrices_.mass() - block : -block);
      }
      rows.push_back(concat(blocks, 1));
    }
    return concat(rows);
  }

  const SolveOptions& options_;
  const StepMatrices matrices_;
  const StepUse use_;
  const double rounding_;
  const ErrorMeasure measure_;
  const int num_iterations_;
  Array y_next_, error_, newton_error_, stiffness_;
  Arrays dense_;
};

}  // namespace

StepFunction implicit_step(const VectorField& field, const SolveOptions& options, StepUse use, double rounding) {
  return StepBuilder(field, options, use, rounding).build();
}

StepFunction explicit_step(const VectorField& field, const SolveOptions& options, StepUse use, double rounding) {
  return StepBuilder(field, options, use, rounding).build_explicit();
}

}  // namespace costate::internal

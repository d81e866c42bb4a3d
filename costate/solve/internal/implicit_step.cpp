#include "costate/solve/internal/implicit_step.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "costate/array/identity_matrix.h"
#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/operations/internal/lane_lu.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/lowered_time.h"
#include "costate/solve/internal/step_graph.h"
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

/// A matrix of a step with its factors.
struct Factored {
  explicit Factored(const Array& a) : matrix(a), factors(lu_factors(a)) {}
  Array matrix, factors;

  Array solve(const Array& b) const { return lu_solve(matrix, factors, b); }
};

/// What Newton's method found, and its last two corrections.
struct Found {
  Array z, before, last;
};

/// The step of an implicit method.
class StepBuilder : private StepGraph {
 public:
  StepBuilder(const VectorField& field, const SolveOptions& options, StepUse use, double rounding)
      : StepGraph(field),
        options_(options),
        use_(use),
        rounding_(rounding),
        measure_(error_measure(options, part_offsets(field), static_cast<std::size_t>(field.state_size()))),
        num_iterations_(tableau(options.method).has_error_estimate() ? kIterations : kIterationsOfFixed) {}

  StepFunction build() {
    const Method method = options_.method;
    const ImplicitMethod data = implicit_method(method);
    const std::int64_t unknowns =
        field_.state_size() * (data.collocation == nullptr ? 1 : static_cast<std::int64_t>(data.collocation->c.size()));
    if (unknowns > kMostUnknowns)
      throw InvalidArgument("[solve] '", name(method), "' solves dense linear systems of ", unknowns,
                            " unknowns for each sample at each step; more than ", kMostUnknowns,
                            " are refused. Take an explicit method, or a smaller state.");
    if (data.rosenbrock != nullptr) take_rosenbrock(*data.rosenbrock);
    if (data.diagonal != nullptr) take_diagonal(*data.diagonal);
    if (data.collocation != nullptr) take_collocation(*data.collocation);
    return finish();
  }

 private:
  /// M of M y' = f, or I.
  Array mass() const {
    const std::int64_t n = field_.state_size();
    return constant(options_.mass_matrix.empty() ? identity_matrix(n) : HostArray(Shape{n, n}, options_.mass_matrix));
  }
  Array mass_times(const Array& x) const {
    return options_.mass_matrix.empty() || x.is_empty() ? x : matmul(mass(), x);
  }

  /// M - h gamma J.
  Array newton_matrix(double gamma, const Array& jacobian) const { return mass() - (gamma * h_) * jacobian; }

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
    if (step_.has_error) outputs.push_back(error_);
    if (step_.has_newton_error) outputs.push_back(newton_error_);
    return StepGraph::finish(outputs);
  }

  // Newton's method

  /// `residual`: G(z), which Newton's method brings to 0 by the matrix -W.
  Found newton(const std::function<Array(const Array&)>& residual, const Factored& w, Array z) const {
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
    return z + Factored(stop_gradient(matrix())).solve(g - stop_gradient(g));
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

  void take_rosenbrock(const Rosenbrock& method) {
    make_inputs(with_start(method.c));  // where the Jacobian is taken
    const Array f0 = f(0, y_);
    const Factored w(newton_matrix(method.gamma, jacobian(f0, y_)));
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
    const Factored w(stop_gradient(newton_matrix(method.gamma, jacobian(f0, y_))));
    Arrays slopes;  // h k
    Array z;
    for (std::size_t i = 0; i < stages; ++i) {
      const double gamma = method.a[i][i];
      if (gamma == 0) {
        slopes.push_back(h_ * f0);
        continue;
      }
      z = solve_stage(method, i, w, slopes);
    }
    const bool is_stiffly_accurate = method.a.back() == method.b;
    y_next_ = is_stiffly_accurate ? y_ + z : plus(y_, combine(method.b, slopes));
    if (!method.e.empty()) error_ = combine(method.e, slopes);
    if (method.filters_error) error_ = w.solve(error_);
    if (method.starts_explicit() && is_stiffly_accurate)
      set_dense({z, slopes.front(), slopes.back()}, {{0, 3, -2}, {1, -2, 1}, {0, -1, 1}});
    else
      set_dense({y_next_ - y_}, {{1}});
  }

  /// z of a stage, whose slope joins the others.
  Array solve_stage(const DiagonallyImplicit& method, std::size_t i, const Factored& w, Arrays& slopes) {
    const double gamma = method.a[i][i], node = method.c[i];
    const Array base = combine(std::span(method.a[i]).first(i), slopes), h_gamma = gamma * h_;
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
      return newton_matrix(gamma, jacobian(f(node, at), at));
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
    const Factored w(stop_gradient(stage_matrix(method, Arrays(stages, start_jacobian))));
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
      error_ = Factored(newton_matrix(method.gamma, start_jacobian))
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
        blocks.push_back(i == j ? mass() - block : -block);
      }
      rows.push_back(concat(blocks, 1));
    }
    return concat(rows);
  }

  const SolveOptions& options_;
  const StepUse use_;
  const double rounding_;
  const ErrorMeasure measure_;
  const int num_iterations_;
  Array y_next_, error_, newton_error_;
  Arrays dense_;
};

}  // namespace

StepFunction implicit_step(const VectorField& field, const SolveOptions& options, StepUse use, double rounding) {
  return StepBuilder(field, options, use, rounding).build();
}

}  // namespace costate::internal

#include "costate/solve/internal/step_builder.h"

#include <algorithm>

#include "costate/base/error.h"
#include "costate/solve/field_marks.h"

namespace costate::internal {
namespace {

// With steps that the error chooses the stages before predict a stage well. Steps of a given size may be long.
constexpr int kIterations = 6, kIterationsOfFixed = 12;
constexpr std::int64_t kMostUnknowns = 2048;  // of which a Jacobian has four million numbers for each sample

/// Whether the method takes marked terms by an explicit one.
bool splits(Method method) {
  const ImplicitMethod data = implicit_method(method);
  return data.diagonal != nullptr && !data.diagonal->explicit_a.empty();
}

}  // namespace

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

std::vector<double> with_start(const std::vector<double>& nodes) {
  std::vector<double> all = {0};
  all.insert(all.end(), nodes.begin(), nodes.end());
  return all;
}

StepBuilder::StepBuilder(const VectorField& field, const SolveOptions& options, StepUse use, double rounding)
    : StepGraph(field, splits(options.method) && has_explicit_part(field.function())),
      options_(options),
      matrices_(field, function(), options.mass_matrix),
      use_(use),
      rounding_(rounding),
      measure_(error_measure(options, part_offsets(field), static_cast<std::size_t>(field.state_size()))),
      num_iterations_(tableau(options.method).has_error_estimate() ? kIterations : kIterationsOfFixed) {}

void StepBuilder::check_unknowns() const {
  const Collocation* collocation = implicit_method(options_.method).collocation;
  const std::int64_t unknowns =
      field_.state_size() * (collocation == nullptr ? 1 : static_cast<std::int64_t>(collocation->c.size()));
  if (unknowns > kMostUnknowns && !matrices_.is_sparse())
    throw InvalidArgument("[solve] '", name(options_.method), "' solves dense linear systems of ", unknowns,
                          " unknowns for each sample at each step, since the field's graph does not say that its "
                          "Jacobian is mostly 0; more than ",
                          kMostUnknowns, " are refused. Take an explicit method or a smaller state.");
}

Array StepBuilder::mass_times(const Array& x) const {
  const std::int64_t n = field_.state_size();
  if (options_.mass_matrix.empty() || x.is_empty()) return x;
  return matmul(constant(HostArray(Shape{n, n}, options_.mass_matrix)), x);
}

Array StepBuilder::start_jacobian(const Array& f0) const {
  return matrices_.is_given() ? matrices_.given(flat_inputs(0, y_)) : matrices_.jacobian(f0, y_);
}

void StepBuilder::set_dense(Arrays vectors, std::vector<std::vector<double>> polynomials) {
  step_.num_dense = vectors.size();
  step_.dense_degree = polynomials.front().size();
  for (const std::vector<double>& row : polynomials) step_.dense.insert(step_.dense.end(), row.begin(), row.end());
  dense_ = std::move(vectors);
}

StepFunction StepBuilder::finish() {
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

NewtonRoot StepBuilder::newton(const std::function<Array(const Array&)>& residual, const FactoredMatrix& w,
                               Array z) const {
  NewtonRoot found;
  for (int iteration = 0; iteration < num_iterations_; ++iteration) {
    found.before = found.last;
    found.last = w.solve(residual(z));
    z = z + found.last;
  }
  found.z = stop_gradient(z);
  return found;
}

Array StepBuilder::differentiable(const Array& z, const std::function<Array(const Array&)>& residual,
                                  const std::function<FactoredMatrix()>& matrix) {
  if (use_ == StepUse::kForward) return z;
  const int evaluations = step_.evaluations;  // those of a step alone are counted
  const Array g = residual(z);
  const Array moved = z + matrix().solve(g - stop_gradient(g));
  step_.evaluations = evaluations;
  return moved;
}

Array StepBuilder::size_of(const std::vector<Array>& corrections, const Array& y) const {
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

void StepBuilder::note_newton_error(const std::vector<Array>& before, const std::vector<Array>& last, const Array& y) {
  if (use_ != StepUse::kForward) return;
  const double arrived = std::min(kMostNewtonError, 64 * rounding_ / std::max(measure_.smallest_rtol(), rounding_));
  const Array size = size_of(last, y), theta = size / size_of(before, y);
  const Array off = where(theta < 1.0, size * theta / (1.0 - theta), constant(1e30));
  const Array error = where(size <= arrived, constant(0.0), off);
  newton_error_ = newton_error_.is_empty() ? error : max(newton_error_, error);
}

}  // namespace costate::internal

#include "costate/operations/internal/sample_system.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace costate::internal {

JacobianFactors::JacobianFactors(const ImplicitSystem& system) : solver_(make_sparse_solver(system.method())) {
  const auto n = static_cast<Eigen::Index>(system.size());
  const IndexLists& columns = system.columns();
  matrix_.resize(n, n);
  matrix_.resizeNonZeros(static_cast<Eigen::Index>(columns.members.size()));
  std::transform(columns.starts.begin(), columns.starts.end(), matrix_.outerIndexPtr(),
                 [](std::size_t start) { return static_cast<int>(start); });
  std::copy(columns.members.begin(), columns.members.end(), matrix_.innerIndexPtr());
  std::fill_n(matrix_.valuePtr(), columns.members.size(), 0.0);
}

bool JacobianFactors::set(std::span<const double> numbers) {
  if (is_factorized_ && std::equal(numbers.begin(), numbers.end(), matrix_.valuePtr())) return true;
  std::copy(numbers.begin(), numbers.end(), matrix_.valuePtr());
  is_factorized_ = false;
  if (!std::all_of(numbers.begin(), numbers.end(), [](double number) { return std::isfinite(number); })) return false;
  is_factorized_ = solver_->factorize(matrix_);
  ++num_factorizations_;
  Numbers rows = Numbers::Zero(matrix_.rows());
  size_ = 0;
  for (Eigen::Index j = 0; j < matrix_.outerSize(); ++j) {
    double column = 0;
    for (Eigen::SparseMatrix<double>::InnerIterator at(matrix_, j); at; ++at) {
      rows(at.row()) += std::abs(at.value());
      column += std::abs(at.value());
    }
    size_ = std::max(size_, column);
  }
  size_ = std::max(size_, rows.maxCoeff());
  return is_factorized_;
}

std::optional<Numbers> JacobianFactors::solve(Side side, const Numbers& b) {
  if (!is_factorized_) return std::nullopt;
  std::optional<Numbers> x = solver_->solve(side, b);
  if (!x) return std::nullopt;
  // |J| |x| / |b| is at most the condition of J.
  const double growth = size_ * x->lpNorm<Eigen::Infinity>() / b.lpNorm<Eigen::Infinity>();
  if (!x->allFinite() || growth * std::numeric_limits<double>::epsilon() > 1) return std::nullopt;
  return x;
}

SampleSystem::SampleSystem(std::shared_ptr<const ImplicitSystem> system)
    : system_(std::move(system)),
      arguments_(system_->num_arguments()),
      value_(system_->value_tile()),
      colors_(system_->color_tile()),
      seeds_(system_->size() * ImplicitSystem::kColorLanes),
      tangents_(system_->size() * ImplicitSystem::kColorLanes),
      numbers_(system_->columns().members.size()) {
  for (std::size_t i = 0; i < arguments_.size(); ++i)
    arguments_[i].resize(static_cast<std::size_t>(system_->value().inputs()[1 + i].shape.size()));
  std::vector<const double*> none(1 + arguments_.size(), nullptr);
  value_.prepare(none);
}

std::vector<const double*> SampleSystem::inputs_at(const Numbers& x, const double* v) const {
  std::vector<const double*> inputs = {x.data()};
  for (const std::vector<double>& argument : arguments_) inputs.push_back(argument.data());
  if (v != nullptr) inputs.push_back(v);
  return inputs;
}

std::vector<double> SampleSystem::point_of(const Numbers& x) const {
  std::vector<double> point(x.begin(), x.end());
  for (const std::vector<double>& argument : arguments_) point.insert(point.end(), argument.begin(), argument.end());
  return point;
}

Numbers SampleSystem::value(const Numbers& x) {
  Numbers result(x.size());
  double* const outputs[] = {result.data()};
  value_.evaluate(inputs_at(x, nullptr), outputs);
  return result;
}

Numbers SampleSystem::product(Side side, const Numbers& x, const Numbers& v) {
  const std::vector<const double*> inputs = inputs_at(x, v.data());
  auto& product = products_[static_cast<std::size_t>(side)];
  if (!product) {
    product = std::make_unique<TileEvaluator>(system_->product_tile(side));
    product->prepare(std::vector<const double*>(inputs.size(), nullptr));
  }
  Numbers result(x.size());
  double* const outputs[] = {result.data()};
  product->evaluate(inputs, outputs);
  return result;
}

bool SampleSystem::factorize(const Numbers& x, JacobianFactors& factors) {
  constexpr std::size_t kLanes = ImplicitSystem::kColorLanes;
  const std::vector<std::int32_t>& colors = system_->colors();
  const IndexLists& columns = system_->columns();
  const std::vector<const double*> inputs = inputs_at(x, seeds_.data());
  colors_.prepare(inputs);
  for (std::size_t first = 0; first < system_->num_colors(); first += kLanes) {
    std::fill(seeds_.begin(), seeds_.end(), 0.0);
    const auto lane_of = [&](std::size_t column) { return static_cast<std::size_t>(colors[column]) - first; };
    for (std::size_t j = 0; j < colors.size(); ++j)
      if (lane_of(j) < kLanes) seeds_[j * kLanes + lane_of(j)] = 1;
    double* const outputs[] = {tangents_.data()};
    colors_.evaluate(inputs, outputs);
    for (std::size_t j = 0; j < colors.size(); ++j)
      for (std::size_t at = columns.starts[j]; lane_of(j) < kLanes && at < columns.starts[j + 1]; ++at)
        numbers_[at] = tangents_[static_cast<std::size_t>(columns.members[at]) * kLanes + lane_of(j)];
  }
  factors.point = point_of(x);
  return factors.set(numbers_);
}

std::optional<Numbers> SampleSystem::solve_near(Side side, const Numbers& x, const Numbers& b,
                                                JacobianFactors& factors) {
  // Each correction shrinks by the distance of the two Jacobians, which is about the tolerance of the root.
  constexpr int kMostCorrections = 5;
  std::optional<Numbers> y = factors.solve(side, b);
  for (int i = 0; y && i < kMostCorrections; ++i) {
    const Numbers left = b - product(side, x, *y);
    const double size = y->lpNorm<Eigen::Infinity>();
    if (left.isZero(0)) break;
    const std::optional<Numbers> correction = factors.solve(side, left);
    if (!correction) return std::nullopt;
    *y += *correction;
    if (correction->lpNorm<Eigen::Infinity>() <= 2 * std::numeric_limits<double>::epsilon() * size) break;
  }
  return y;
}

NewtonOutcome newton(SampleSystem& system, Numbers x, const NewtonOptions& options, JacobianFactors& factors) {
  using End = NewtonOutcome::End;
  NewtonOutcome outcome;
  for (int iteration = 0; iteration <= options.iterations; ++iteration) {
    const Numbers value = system.value(x);
    ++outcome.evaluations;
    outcome.residual = value.lpNorm<Eigen::Infinity>();
    if (!value.allFinite()) return outcome;
    Numbers correction = Numbers::Zero(x.size());
    const bool is_regular = system.factorize(x, factors);
    if (!value.isZero(0) || !is_regular) {
      const std::optional<Numbers> found = is_regular ? factors.solve(Side::kJacobian, value) : std::nullopt;
      if (!found) {
        const std::optional<LinearFailure> failure = factors.failure();
        outcome.end = is_regular && failure ? End::kStalled : End::kSingular;
        outcome.linear = failure.value_or(LinearFailure{});
        return outcome;
      }
      correction = *found;
    }
    const double size = (correction.array().abs() / (1 + x.array().abs())).maxCoeff();
    outcome.last = x;
    x -= correction;
    if (size <= options.tolerance) {
      outcome.end = End::kRoot;
      outcome.root = std::move(x);
      return outcome;
    }
  }
  return outcome;
}

}  // namespace costate::internal

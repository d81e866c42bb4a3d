#include "costate/operations/internal/sparse_generator.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace costate::internal {

SparseGenerator::SparseGenerator(const MatrixPlaces& places) : places_(&places) {
  const auto n = static_cast<Eigen::Index>(places.size());
  const IndexLists& columns = places.columns();
  matrix_.resize(n, n);
  matrix_.resizeNonZeros(static_cast<Eigen::Index>(columns.members.size()));
  std::ranges::transform(columns.starts, matrix_.outerIndexPtr(),
                         [](std::size_t start) { return static_cast<int>(start); });
  std::ranges::copy(columns.members, matrix_.innerIndexPtr());
  std::fill_n(matrix_.valuePtr(), columns.members.size(), 0.0);
}

bool SparseGenerator::set(double t) {
  if (!std::ranges::all_of(numbers(), [](double number) { return std::isfinite(number); }) || !std::isfinite(t))
    return false;
  shift_ = matrix_.diagonal().sum() / static_cast<double>(matrix_.rows());
  double norm = 0;
  for (Eigen::Index j = 0; j < matrix_.outerSize(); ++j) {
    double sum = 0, diagonal = 0;
    for (Eigen::SparseMatrix<double>::InnerIterator at(matrix_, j); at; ++at)
      (at.row() == j ? diagonal : sum) += at.row() == j ? at.value() : std::abs(at.value());
    norm = std::max(norm, sum + std::abs(diagonal - shift_));
  }
  scheme_ = choose_scheme(norm, t);
  return scheme_.is_feasible();
}

void SparseGenerator::multiply(Column& b) const {
  multiply_exponential(
      scheme_, shift_, [&](double factor, const Column& x) { return product(factor, x); }, b);
}

void SparseGenerator::gradient(Column b, Column c, std::span<double> sums) const {
  std::ranges::fill(sums, 0.0);
  const auto steps = static_cast<std::size_t>(scheme_.steps);
  const auto stretch = static_cast<std::size_t>(std::ceil(std::sqrt(scheme_.steps)));
  std::vector<Column> kept, within;
  for (std::size_t step = 0; step < steps; ++step) {
    if (step % stretch == 0) kept.push_back(b);
    if (step + 1 < steps) take_step(b, nullptr);
  }
  for (std::size_t part = kept.size(); part-- > 0;) {
    const std::size_t first = part * stretch, end = std::min(steps, first + stretch);
    within.assign(1, kept[part]);
    for (std::size_t step = first + 1; step < end; ++step) {
      within.push_back(within.back());
      take_step(within.back(), nullptr);
    }
    for (std::size_t step = end; step-- > first;) reverse_step(within[step - first], c, sums);
  }
}

/// All terms: where those of x have died out, those of lambda may not have.
void SparseGenerator::take_step(Column& b, std::vector<Column>* terms) const {
  Column term = b;
  if (terms != nullptr) terms->assign(1, term);
  for (int k = 1; k <= scheme_.degree; ++k) {
    term = product(scheme_.h / k, term);
    b += term;
    if (terms != nullptr && k < scheme_.degree) terms->push_back(term);
  }
  b *= std::exp(scheme_.h * shift_);
}

/// c at the end of a step that begins at b becomes that at its start; adds to the sums.
void SparseGenerator::reverse_step(Column b, Column& c, std::span<double> sums) const {
  std::vector<Column> terms;
  take_step(b, &terms);
  const Column of_sum = std::exp(scheme_.h * shift_) * c;
  Column of_term = of_sum;
  for (int k = scheme_.degree; k >= 1; --k) {
    add_outer(scheme_.h / k, of_term, terms[static_cast<std::size_t>(k - 1)], sums);
    of_term = of_sum + scheme_.h / k * (matrix_.transpose() * of_term - shift_ * of_term);
  }
  c = of_term;
}

void SparseGenerator::add_outer(double factor, const Column& left, const Column& right, std::span<double> sums) const {
  const IndexLists& columns = places_->columns();
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const double of_column = factor * right(static_cast<Eigen::Index>(j));
    for (std::size_t at = columns.starts[j]; at < columns.starts[j + 1]; ++at)
      sums[at] += left(columns.members[at]) * of_column;
  }
}

}  // namespace costate::internal

#include "costate/operations/internal/lu_factors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace costate::internal {
namespace {

// Eigen is compiled for the oldest machines; from this size on, products of vector code for the one at hand are faster.
constexpr std::size_t kBlockedFrom = 64;

template <class T, class Pivots>
bool are_singular(const Pivots& pivots) {
  const auto sizes = pivots.cwiseAbs();
  const T largest = sizes.maxCoeff();
  return !(sizes.minCoeff() > largest * std::numeric_limits<T>::epsilon()) || !std::isfinite(largest);
}

}  // namespace

template <class T>
void LuFactors<T>::factorize(std::span<const T> a, std::size_t n) {
  const auto size = static_cast<Eigen::Index>(n);
  const Eigen::Map<const RowMajor> given(a.data(), size, size);
  if (n < kBlockedFrom) {
    swaps_.clear();
    copy_ = given;
    small_.compute(copy_);
    is_singular_ = are_singular<T>(small_.matrixLU().diagonal());
    return;
  }
  rows_ = given;
  swaps_.resize(n);
  blocked_.factorize(rows_.data(), n, swaps_.data());
  is_singular_ = are_singular<T>(rows_.diagonal());
}

template <class T>
void LuFactors<T>::solve(std::span<const T> b, std::span<T> x) const {
  const auto size = static_cast<Eigen::Index>(x.size());
  Eigen::Map<Vector> values(x.data(), size);
  if (is_singular_) {
    values.setConstant(std::numeric_limits<T>::quiet_NaN());
  } else if (!is_blocked()) {
    values = small_.solve(Eigen::Map<const Vector>(b.data(), size));
  } else {
    std::ranges::copy(b, x.begin());
    for (std::size_t i = 0; i < swaps_.size(); ++i) std::swap(x[i], x[swaps_[i]]);
    rows_.template triangularView<Eigen::UnitLower>().solveInPlace(values);
    rows_.template triangularView<Eigen::Upper>().solveInPlace(values);
  }
}

/// A^T = U^T L^T P.
template <class T>
void LuFactors<T>::solve_transposed(std::span<const T> b, std::span<T> x) const {
  const auto size = static_cast<Eigen::Index>(x.size());
  Eigen::Map<Vector> values(x.data(), size);
  if (is_singular_) {
    values.setConstant(std::numeric_limits<T>::quiet_NaN());
  } else if (!is_blocked()) {
    values = small_.transpose().solve(Eigen::Map<const Vector>(b.data(), size));
  } else {
    std::ranges::copy(b, x.begin());
    rows_.transpose().template triangularView<Eigen::Lower>().solveInPlace(values);
    rows_.transpose().template triangularView<Eigen::UnitUpper>().solveInPlace(values);
    for (std::size_t i = swaps_.size(); i-- > 0;) std::swap(x[i], x[swaps_[i]]);
  }
}

template class LuFactors<float>;
template class LuFactors<double>;

}  // namespace costate::internal

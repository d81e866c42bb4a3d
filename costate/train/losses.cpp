// Each loss of a cell, and the sum that never sees a masked cell.
#include "costate/train/losses.h"

#include <algorithm>
#include <cmath>

#include "costate/base/names.h"

namespace costate {
namespace {

constexpr std::string_view kLosses[] = {"mse", "mae", "huber"};

Array cell_loss(Loss loss, const Array& difference) {
  switch (loss) {
    case Loss::kMse:
      return square(difference);
    case Loss::kMae:
      return abs(difference);
    case Loss::kHuber: {
      const Array size = abs(difference);
      return where(size <= 1.0, 0.5 * square(difference), size - 0.5);
    }
  }
  throw InternalError("[loss_sum] no such loss.");
}

}  // namespace

std::string name(Loss loss) { return spelling(loss, kLosses); }

Loss loss_from_name(const std::string& name) { return from_spelling<Loss>("loss", "loss", name, kLosses); }

Array loss_sum(Loss loss, const Array& prediction, const Array& target, const Array& mask) {
  if (!(prediction.shape() == target.shape()) || !(mask.shape() == target.shape()))
    throw ShapeError("[loss_sum] prediction, target and mask must have one shape; got ", prediction.shape(), ", ",
                     target.shape(), " and ", mask.shape(), ".");
  // Both sides are replaced before they meet, so that no NaN enters the loss's derivative.
  return sum(cell_loss(loss, where(mask, prediction, 0.0) - where(mask, target, 0.0)));
}

double relative_error(std::span<const double> found, std::span<const double> truth) {
  if (found.size() != truth.size())
    throw ShapeError("[relative_error] there must be as many numbers found as true ones; got ", found.size(), " and ",
                     truth.size(), ".");
  double squares = 0, sum = 0, sum_squares = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    squares += std::isfinite(found[i]) ? (found[i] - truth[i]) * (found[i] - truth[i]) : HUGE_VAL;
    sum += truth[i];
    sum_squares += truth[i] * truth[i];
  }
  return std::sqrt(squares / (sum_squares - sum * sum / static_cast<double>(truth.size())));
}

}  // namespace costate

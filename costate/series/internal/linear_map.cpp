#include <algorithm>
#include <cmath>

#include "costate/series/internal/linear_ode.h"

namespace costate::internal {

Eigen::MatrixXd exponential(const Eigen::MatrixXd& matrix) {
  constexpr int kOrder = 14;  // of Taylor's series at a norm of at most 1/2: the rest is below 1e-16
  const double norm = matrix.cwiseAbs().rowwise().sum().maxCoeff();
  const int squarings = norm > 0.5 ? std::min(60, static_cast<int>(std::ceil(std::log2(2 * norm)))) : 0;
  const Eigen::MatrixXd scaled = matrix * std::ldexp(1.0, -squarings);
  const auto n = matrix.rows();
  Eigen::MatrixXd sum = Eigen::MatrixXd::Identity(n, n);
  for (int k = kOrder; k >= 1; --k) sum = Eigen::MatrixXd::Identity(n, n) + scaled * sum / k;
  for (int i = 0; i < squarings; ++i) sum = sum * sum;
  return sum;
}

LinearStep step_of(const AffineField& field, double dt) {
  // The inputs, their slopes and the constant join the state: u' = slope, slope' = 0, 1' = 0.
  const auto d = field.a.rows(), m = field.b.cols();
  Eigen::MatrixXd joined = Eigen::MatrixXd::Zero(d + 2 * m + 1, d + 2 * m + 1);
  joined.topLeftCorner(d, d) = field.a * dt;
  joined.block(0, d, d, m) = field.b * dt;
  joined.block(d, d + m, m, m) = Eigen::MatrixXd::Identity(m, m) * dt;
  joined.topRightCorner(d, 1) = field.c * dt;
  const Eigen::MatrixXd flow = exponential(joined);
  return {.from_state = flow.topLeftCorner(d, d),
          .from_input = flow.block(0, d, d, m),
          .from_slope = flow.block(0, d + m, d, m),
          .constant = flow.topRightCorner(d, 1)};
}

}  // namespace costate::internal

#include "costate/operations/internal/reference_newton.h"

#include <Eigen/LU>
#include <limits>

#include "costate/graph/interpret.h"

namespace costate::internal {
namespace {

std::vector<HostArray> inputs_of(const Function& f, const Numbers& x, std::span<const std::vector<double>> arguments) {
  std::vector<HostArray> inputs = {HostArray(f.inputs()[0].shape, std::vector<double>(x.begin(), x.end()))};
  for (const std::vector<double>& argument : arguments) inputs.emplace_back(f.inputs()[inputs.size()].shape, argument);
  return inputs;
}

Numbers numbers_of(const HostArray& array) {
  const std::vector<double> numbers = array.numbers();
  return Eigen::Map<const Numbers>(numbers.data(), static_cast<Eigen::Index>(numbers.size()));
}

/// J column by column: the places that the graph tells are not asked.
Eigen::MatrixXd full_jacobian(const ImplicitSystem& system, const Numbers& x,
                              std::span<const std::vector<double>> arguments) {
  const Function& product = system.product(Side::kJacobian);
  Eigen::MatrixXd matrix(x.size(), x.size());
  std::vector<HostArray> inputs = inputs_of(product, x, arguments);
  for (Eigen::Index j = 0; j < x.size(); ++j) {
    HostArray direction(Shape{static_cast<std::int64_t>(x.size())});
    direction.set(j, 1);
    inputs.push_back(direction);
    matrix.col(j) = numbers_of(interpret(product, inputs)[0]);
    inputs.pop_back();
  }
  return matrix;
}

}  // namespace

std::vector<double> reference_newton(const ImplicitSystem& system, const NewtonOptions& options,
                                     std::span<const std::vector<double>> operands) {
  Numbers x = Eigen::Map<const Numbers>(operands[0].data(), static_cast<Eigen::Index>(operands[0].size()));
  const auto arguments = operands.subspan(1);
  for (int iteration = 0; iteration <= options.iterations; ++iteration) {
    const Numbers value = numbers_of(interpret(system.value(), inputs_of(system.value(), x, arguments))[0]);
    const Numbers correction = full_jacobian(system, x, arguments).partialPivLu().solve(value);
    const double size = (correction.array().abs() / (1 + x.array().abs())).maxCoeff();
    if (!correction.allFinite()) break;
    const Numbers last = x;
    x -= correction;
    if (size > options.tolerance) continue;
    std::vector<double> both(x.begin(), x.end());
    both.insert(both.end(), last.begin(), last.end());
    return both;
  }
  return std::vector<double>(2 * operands[0].size(), std::numeric_limits<double>::quiet_NaN());
}

std::vector<double> reference_jacobian_solve(const ImplicitSystem& system, Side side,
                                             std::span<const std::vector<double>> operands) {
  const auto n = static_cast<Eigen::Index>(system.size());
  const Numbers x = Eigen::Map<const Numbers>(operands[0].data(), n);
  const Eigen::MatrixXd matrix = full_jacobian(system, x, operands.subspan(1, system.num_arguments()));
  const Eigen::Map<const Numbers> b(operands.back().data(), n);
  const Numbers y = side == Side::kJacobian ? matrix.partialPivLu().solve(b)
                                            : Eigen::MatrixXd(matrix.transpose()).partialPivLu().solve(b);
  return {y.begin(), y.end()};
}

}  // namespace costate::internal

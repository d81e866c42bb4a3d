// One line a rule: x, y the operands, z the result, a the direction.
#include <cmath>
#include <numbers>

#include "costate/base/error.h"
#include "costate/diff/internal/rules.h"

namespace costate::internal {
namespace {

Array power_base_partial(const Array& x, const Array& y, const Array& a) {
  // y x^(y-1), which is 0 for y = 0 whatever x^(-1) is.
  return a * where(equal(y, 0.0), 0.0, y * pow(x, y - 1.0));
}

Array power_exponent_partial(const Array& x, const Array& z, const Array& a) {
  const Array is_positive = x > 0.0;  // z log x; 0 at x = 0, and unreal below
  return a * where(is_positive, z * log(where(is_positive, x, 1.0)), 0.0);
}

MaybeArray unary_partial(Op op, const Array& x, const Array& z, const Array& a) {
  switch (op) {
    case Op::kNeg:
      return -a;
    case Op::kAbs:
      return a * sign(x);
    case Op::kExp:
      return a * z;
    case Op::kExpm1:
      return a * (z + 1.0);
    case Op::kLog:
      return a / x;
    case Op::kLog1p:
      return a / (1.0 + x);
    case Op::kSqrt:
      return 0.5 * a / z;
    case Op::kSin:
      return a * cos(x);
    case Op::kCos:
      return -(a * sin(x));
    case Op::kTan:
      return a * (1.0 + z * z);
    case Op::kAsin:
      return a / sqrt((1.0 - x) * (1.0 + x));
    case Op::kAcos:
      return -(a / sqrt((1.0 - x) * (1.0 + x)));
    case Op::kAtan:
      return a / (1.0 + x * x);
    case Op::kSinh:
      return a * cosh(x);
    case Op::kCosh:
      return a * sinh(x);
    case Op::kTanh:
      return a * (1.0 - z * z);
    case Op::kSigmoid:
      return a * (z * (1.0 - z));
    case Op::kSoftplus:  // by z, as the others: a product's activation then takes the place of x
      return -(a * expm1(-z));
    case Op::kRelu:
      return where(z > 0.0, a, 0.0);
    case Op::kErf:
      return a * (2.0 * std::numbers::inv_sqrtpi * exp(-(x * x)));
    case Op::kSign:
    case Op::kFloor:
    case Op::kStopGradient:
      return {};
    default:
      COSTATE_CHECK(false, "no derivative rule for ", info(op).name);
      return {};
  }
}

MaybeArray binary_partial(Op op, bool first, const Array& x, const Array& y, const Array& z, const Array& a) {
  switch (op) {
    case Op::kAdd:
      return a;
    case Op::kSub:
      return first ? a : -a;
    case Op::kMul:
      return a * (first ? y : x);
    case Op::kDiv:
      return first ? a / y : -(a * (z / y));
    case Op::kPow:
      return first ? power_base_partial(x, y, a) : power_exponent_partial(x, z, a);
    case Op::kMod:  // by y: minus the whole number of multiples, of which rounding is taken off
      return first ? a : -(a * floor((x - z) / y + 0.5));
    case Op::kAtan2:
      return first ? a * (y / (x * x + y * y)) : -(a * (x / (x * x + y * y)));
    case Op::kMin:
      return first ? where(x <= y, a, 0.0) : where(x <= y, 0.0, a);
    case Op::kMax:
      return first ? where(x >= y, a, 0.0) : where(x >= y, 0.0, a);
    case Op::kLess:
    case Op::kLessEqual:
    case Op::kEqual:
      return {};
    default:
      COSTATE_CHECK(false, "no derivative rule for ", info(op).name);
      return {};
  }
}

}  // namespace

MaybeArray elementwise_partial(Op op, std::size_t i, std::span<const Array> operands, const Array& result,
                               const Array& direction) {
  if (operands.size() == 1) return unary_partial(op, operands[0], result, direction);
  if (operands.size() == 2) return binary_partial(op, i == 0, operands[0], operands[1], result, direction);
  if (i == 0) return {};  // the condition of where
  return i == 1 ? where(operands[0], direction, 0.0) : where(operands[0], 0.0, direction);
}

}  // namespace costate::internal

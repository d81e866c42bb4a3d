#include "costate/source/internal/c_expression.h"

#include "costate/base/text.h"

namespace costate::internal {
namespace {

/// "- -1.0" and not "--1.0".
std::string guarded(const std::string& x) { return x[0] == '-' ? "(" + x + ")" : x; }

}  // namespace

std::string c_expression(Op op, const std::vector<std::string>& x,
                         const std::function<std::string(const std::string&)>& helper) {
  switch (op) {
    case Op::kNeg:
      return "-" + x[0];
    case Op::kAdd:
      return x[0] + " + " + x[1];
    case Op::kSub:
      return x[0] + " - " + guarded(x[1]);
    case Op::kMul:
      return x[0] + " * " + x[1];
    case Op::kDiv:
      return x[0] + " / " + x[1];
    case Op::kLess:
      return x[0] + " < " + x[1] + " ? 1 : 0";
    case Op::kLessEqual:
      return x[0] + " <= " + x[1] + " ? 1 : 0";
    case Op::kEqual:
      return x[0] + " == " + x[1] + " ? 1 : 0";
    case Op::kWhere:
      return x[0] + " != 0 ? " + x[1] + " : " + x[2];
    default:
      return helper(std::string(info(op).name)) + "(" + text::join(x) + ")";
  }
}

}  // namespace costate::internal

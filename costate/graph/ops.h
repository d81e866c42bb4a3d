// The operations by name; the table itself is ops.def.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace costate {

enum class Op : std::uint8_t {
#define COSTATE_OP(name, spelling, family, arity, low, high) k##name,
#include "costate/graph/ops.def"
};

enum class OpFamily : std::uint8_t {
  kSource,
  kUnary,
  kBinary,
  kTernary,
  kStructure,
  kReduce,
  kProduct,
  kWindow,
  kExtension
};

/// Types in which exported models take ONNX's operator of an operation.
enum class OnnxTypes : std::uint8_t { kNone, kF32, kAll };

/// What an elementwise function is called elsewhere; empty where it has no name there.
struct OtherNames {
  std::string_view numpy;
  std::string_view libm;
  std::string_view onnx;  // in onnx_types
  OnnxTypes onnx_types = OnnxTypes::kNone;
};

/// One row of ops.def.
struct OpInfo {
  std::string_view name;
  OpFamily family;
  int arity;        // -1: any number
  double test_low;  // operands of conformance tests are drawn from (test_low, test_high)
  double test_high;
  OtherNames names = {};
};

inline constexpr OpInfo kOpTable[] = {
#define COSTATE_OP(name, spelling, family, arity, low, high) {#spelling, OpFamily::family, arity, low, high},
#define COSTATE_UNARY_FUNCTION(name, spelling, low, high, numpy, libm, onnx, about) \
  {#spelling, OpFamily::kUnary, 1, low, high, {numpy, libm, #name, OnnxTypes::onnx}},
#define COSTATE_BINARY_FUNCTION(name, spelling, low, high, numpy, libm, onnx, about) \
  {#spelling, OpFamily::kBinary, 2, low, high, {numpy, libm, #name, OnnxTypes::onnx}},
#include "costate/graph/ops.def"
};

inline constexpr std::size_t kNumOps = sizeof(kOpTable) / sizeof(kOpTable[0]);

constexpr const OpInfo& info(Op op) { return kOpTable[static_cast<std::size_t>(op)]; }
constexpr bool is_elementwise(Op op) {
  const OpFamily family = info(op).family;
  return family == OpFamily::kUnary || family == OpFamily::kBinary || family == OpFamily::kTernary;
}

/// Constant but for jumps, in all operands.
constexpr bool is_step(Op op) {
  return op == Op::kSign || op == Op::kFloor || op == Op::kLess || op == Op::kLessEqual || op == Op::kEqual;
}
/// Whether operand i only says which numbers of another one are meant.
constexpr bool chooses(Op op, std::size_t operand) {
  return operand == 0 && (op == Op::kWhere || op == Op::kMaxPool || op == Op::kMaxPoolInput);
}
/// Whether a derivative by operand i can be other than 0.
constexpr bool carries_derivative(Op op, std::size_t operand) {
  return !is_step(op) && op != Op::kStopGradient && !chooses(op, operand);
}

}  // namespace costate

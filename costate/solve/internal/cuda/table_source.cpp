#include "costate/solve/internal/cuda/table_source.h"

#include "costate/base/text.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/operations/internal/table_read.h"

namespace costate::internal {
namespace {

constexpr std::string_view kTables =
#include "costate/solve/internal/cuda/table.inc"
    ;

/// Where a lane's elements of an operand begin, and how far they are apart.
std::string column(const KernelOperand& operand) {
  return text::concat(operand.pointer, " + lane * ", operand.lane_stride, ", ", operand.row_stride);
}

}  // namespace

std::string table_expression(CudaSource& source, const Extension& extension, std::span<const KernelOperand> operands,
                             std::span<const Shape> shapes, Dtype dtype) {
  const auto form = table_form(extension);
  if (!form) return {};
  source.add_once(kTables);
  const std::int64_t knots = shapes[0].size(),
                     width = shapes[form->is_transposed ? 2 : 1].size() / (form->is_transposed ? 1 : knots);
  const std::string kind = form->interpolation == Interpolation::kHold     ? "costate_kHold"
                           : form->interpolation == Interpolation::kLinear ? "costate_kLinear"
                                                                           : "costate_kCubic";
  const KernelOperand& query = operands[form->is_transposed ? 1 : 2];
  const KernelOperand& numbers = operands[form->is_transposed ? 2 : 1];
  return text::concat("costate_table_", form->is_transposed ? "cotangent" : "value", "<", device_type(dtype), ", ",
                      kind, ", ", form->order, ", ", width, ">(", column(operands[0]), ", ", knots, ", ", query.pointer,
                      "[lane * ", query.lane_stride, "], ", column(numbers), ", row)");
}

}  // namespace costate::internal

#include "costate/plan/internal/operand_rules.h"

#include <algorithm>
#include <initializer_list>

#include "costate/base/text.h"
#include "costate/graph/extension.h"

namespace costate::internal {
namespace {

/// Written out: [rows, lanes], or [rows] where shared.
bool is_plain(const Source& source) { return source.motion == Motion::kFull || source.motion == Motion::kRow; }

/// A kernel that knows one kind of operand reads it in [rows, lanes]; in a tile of one lane a shared value is that,
/// too.
bool is_full(const Source& source, std::size_t lanes) {
  return source.motion == Motion::kFull || (lanes == 1 && source.motion == Motion::kRow);
}

std::string wrong_count(const Instruction& instruction, std::size_t count) {
  if (instruction.sources.size() == count) return "";
  return text::concat("has ", instruction.sources.size(), " sources, not ", count);
}

std::string wrong_rows(std::size_t source, std::size_t rows, std::size_t wanted) {
  return rows == wanted ? "" : text::concat("has ", rows, " rows in source ", source, ", not ", wanted);
}

std::string wrong_result(const Instruction& instruction, std::size_t wanted) {
  return instruction.rows == wanted ? "" : text::concat("has ", instruction.rows, " rows, not ", wanted);
}

std::string spread_source(std::size_t source) {
  return text::concat("needs source ", source, " written out, not spread over rows or lanes");
}

/// The first fault of several.
std::string first(std::initializer_list<std::string> faults) {
  for (const std::string& fault : faults)
    if (!fault.empty()) return fault;
  return "";
}

std::string fault_of_elementwise(const Instruction& instruction, std::size_t lanes) {
  const bool is_pair = instruction.kind == InstructionKind::kPair;
  const bool is_known = is_pair ? is_sum_or_product(instruction.op) && is_sum_or_product(instruction.inner_op)
                                : is_elementwise(instruction.op);
  if (!is_known) return "has an operation that no kernel computes element by element";
  const std::size_t count = is_pair ? 3 : static_cast<std::size_t>(info(instruction.op).arity);
  if (std::string fault = wrong_count(instruction, count); !fault.empty()) return fault;
  for (std::size_t i = 0; i < count; ++i)
    if (std::string fault = wrong_rows(i, instruction.sources[i].rows, instruction.rows); !fault.empty()) return fault;
  return count == 1 && !is_full(instruction.sources[0], lanes) ? spread_source(0) : "";
}

/// Instructions that move rows by a table.
std::string fault_of_table(const Instruction& instruction, std::size_t lanes) {
  if (std::string fault = wrong_count(instruction, 1); !fault.empty()) return fault;
  const Source& source = instruction.sources[0];
  if (!is_full(source, lanes)) return spread_source(0);
  const bool scatters = instruction.kind == InstructionKind::kScatter;
  const bool reduces = instruction.kind == InstructionKind::kReduce;
  if (reduces && info(instruction.op).family != OpFamily::kReduce) return "has an operation that folds no rows";
  const std::size_t length = scatters ? source.rows : instruction.rows * (reduces ? instruction.group : 1);
  if (instruction.table.size() != length)
    return text::concat("has a table of ", instruction.table.size(), " rows, not ", length);
  const std::size_t bound = scatters ? instruction.rows : source.rows;
  const auto outside = std::ranges::find_if(instruction.table, [&](std::uint32_t row) { return row >= bound; });
  return outside == instruction.table.end() ? "" : text::concat("has row ", *outside, " of ", bound, " in its table");
}

std::string fault_of_gemm(const Instruction& instruction, std::size_t lanes) {
  const bool has_slope = instruction.epilogue >= Epilogue::kTanhSlope;
  const std::size_t count = 2 + (instruction.has_bias ? 1 : 0) + (has_slope ? 1 : 0);
  if (std::string fault = wrong_count(instruction, count); !fault.empty()) return fault;
  const std::size_t m = instruction.m, k = instruction.k, n = instruction.n;
  const Source& left = instruction.sources[0];
  if (lanes > 1 && left.motion != Motion::kRow) return "needs a shared matrix";
  for (std::size_t i = 0; i < 2; ++i)
    if (!is_plain(instruction.sources[i]) || (i == 1 && !is_full(instruction.sources[1], lanes)))
      return spread_source(i);
  const std::size_t last = m * k == 0 ? 0 : (m - 1) * instruction.row_stride + (k - 1) * instruction.column_stride + 1;
  if (last > left.rows) return text::concat("steps to number ", last, " of ", left.rows, " in its matrix");
  std::string bias, slope;
  if (instruction.has_bias) {
    bias = wrong_rows(2, instruction.sources[2].rows, lanes == 1 ? n : m);
    if (instruction.sources[2].motion != Motion::kRow) bias = "needs a shared bias";
  }
  if (has_slope) {
    slope = wrong_rows(count - 1, instruction.sources.back().rows, instruction.rows);
    if (instruction.sources.back().motion != Motion::kFull) slope = spread_source(count - 1);
  }
  return first({wrong_rows(1, instruction.sources[1].rows, k * n), wrong_result(instruction, m * n), bias, slope});
}

/// Products lane by lane, and those that accumulations sum over the lanes.
std::string fault_of_product(const Instruction& instruction) {
  const bool is_sum = instruction.kind == InstructionKind::kAddGemm;
  if (std::string fault = wrong_count(instruction, 2); !fault.empty()) return fault;
  for (std::size_t i = 0; i < 2; ++i) {
    const Source& source = instruction.sources[i];
    if (is_sum ? source.motion != Motion::kFull : !is_plain(source)) return spread_source(i);
  }
  return first({wrong_rows(0, instruction.sources[0].rows, instruction.m * instruction.k),
                wrong_rows(1, instruction.sources[1].rows, instruction.k * instruction.n),
                wrong_result(instruction, instruction.m * instruction.n)});
}

/// Sizes follow from the table, whatever is computed from what.
std::string fault_of_convolution(const Instruction& instruction, std::size_t lanes) {
  if (!instruction.conv) return "has no table of a convolution";
  const ConvTable& table = *instruction.conv;
  const bool has_slope = instruction.epilogue >= Epilogue::kTanhSlope;
  const std::size_t count = 2 + (instruction.has_bias ? 1 : 0) + (has_slope ? 1 : 0);
  if (std::string fault = wrong_count(instruction, count); !fault.empty()) return fault;
  for (std::size_t i = 0; i < count; ++i)
    if (!is_plain(instruction.sources[i])) return spread_source(i);
  const bool of_weights = instruction.op == Op::kConv2dWeights, is_shared = instruction.kind == InstructionKind::kConv;
  if (of_weights != adds(instruction.kind) && instruction.kind != InstructionKind::kConvLanes)
    return "has an operation that is not of this kind";
  if (is_shared && instruction.sources[1].motion != Motion::kRow) return "needs shared weights";
  if (instruction.kind != InstructionKind::kConvLanes && !is_full(instruction.sources[0], lanes))
    return spread_source(0);
  if (adds(instruction.kind) && !is_full(instruction.sources[1], lanes)) return spread_source(1);
  std::string bias, slope;
  if (instruction.has_bias) {
    bias = wrong_rows(2, instruction.sources[2].rows, table.to_size());
    if (instruction.sources[2].motion != Motion::kRow) bias = "needs a shared bias";
  }
  if (has_slope) slope = wrong_rows(count - 1, instruction.sources.back().rows, instruction.rows);
  return first({wrong_rows(0, instruction.sources[0].rows, table.from_size()),
                wrong_rows(1, instruction.sources[1].rows, of_weights ? table.to_size() : table.num_weights()),
                wrong_result(instruction, of_weights ? table.num_weights() : table.to_size()), bias, slope});
}

std::string fault_of_pool(const Instruction& instruction, std::size_t lanes) {
  if (!instruction.pool) return "has no table of a pool";
  if (info(instruction.op).family != OpFamily::kWindow) return "has an operation that is not of this kind";
  const auto count = static_cast<std::size_t>(info(instruction.op).arity);
  if (std::string fault = wrong_count(instruction, count); !fault.empty()) return fault;
  for (std::size_t i = 0; i < count; ++i)
    if (!is_full(instruction.sources[i], lanes)) return spread_source(i);
  const bool to_image = instruction.op == Op::kAvgPoolInput || instruction.op == Op::kMaxPoolInput;
  const std::size_t image = instruction.pool->image_size(), result = instruction.pool->result_size();
  return first({count == 2 ? wrong_rows(0, instruction.sources[0].rows, image) : "",
                wrong_rows(count - 1, instruction.sources.back().rows, to_image ? result : image),
                wrong_result(instruction, to_image ? image : result)});
}

std::string fault_of_extension(const Instruction& instruction) {
  if (!instruction.extension) return "has no extension";
  if (instruction.extension->is_sum_only() != adds(instruction.kind))
    return "is an extension whose result is not of this kind";
  const std::size_t count = instruction.operand_shapes.size();
  if (instruction.operand_states.size() != count)
    return text::concat("has ", instruction.operand_states.size(), " states of operands, not ", count);
  if (std::string fault = wrong_count(instruction, count); !fault.empty()) return fault;
  for (std::size_t i = 0; i < count; ++i) {
    const auto rows = static_cast<std::size_t>(instruction.operand_shapes[i].size());
    if (!is_plain(instruction.sources[i])) return spread_source(i);
    if (std::string fault = wrong_rows(i, instruction.sources[i].rows, rows); !fault.empty()) return fault;
  }
  return wrong_result(instruction,
                      static_cast<std::size_t>(instruction.extension->infer_shape(instruction.operand_shapes).size()));
}

/// Instructions that copy their only source, or add it up.
std::string fault_of_copy(const Instruction& instruction) {
  if (std::string fault = wrong_count(instruction, 1); !fault.empty()) return fault;
  if (adds(instruction.kind) && !is_plain(instruction.sources[0])) return spread_source(0);
  return wrong_rows(0, instruction.sources[0].rows, instruction.rows);
}

}  // namespace

std::string fault_of_operands(const Instruction& instruction, std::size_t lanes) {
  switch (instruction.kind) {
    case InstructionKind::kFill:
      return first({wrong_count(instruction, 0), wrong_result(instruction, instruction.constants.size())});
    case InstructionKind::kElementwise:
    case InstructionKind::kPair:
      return fault_of_elementwise(instruction, lanes);
    case InstructionKind::kGather:
    case InstructionKind::kScatter:
    case InstructionKind::kReduce:
      return fault_of_table(instruction, lanes);
    case InstructionKind::kGemm:
      return fault_of_gemm(instruction, lanes);
    case InstructionKind::kBatched:
    case InstructionKind::kAddGemm:
      return fault_of_product(instruction);
    case InstructionKind::kConv:
    case InstructionKind::kConvLanes:
    case InstructionKind::kAddConv:
      return fault_of_convolution(instruction, lanes);
    case InstructionKind::kPool:
      return fault_of_pool(instruction, lanes);
    case InstructionKind::kExtension:
    case InstructionKind::kAddExtension:
      return fault_of_extension(instruction);
    case InstructionKind::kCopy:
    case InstructionKind::kAddLanes:
      return fault_of_copy(instruction);
  }
  return "";
}

}  // namespace costate::internal

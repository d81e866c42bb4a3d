// One small function for each kind of instruction: a loop that the threads share, its numbers side by side.
#include "costate/cuda/internal/tile_source.h"

#include <sstream>

#include "costate/base/error.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/cuda/internal/phase_accesses.h"
#include "costate/graph/extension.h"
#include "costate/source/internal/affine_table.h"
#include "costate/source/internal/c_expression.h"
#include "costate/source/internal/c_text.h"

namespace costate::internal {
namespace {

/// The numbers that a thread computes of a product: the largest tile that leaves each thread one.
struct ProductTile {
  std::size_t height = 1, width = 1;
};

ProductTile product_tile(std::size_t m, std::size_t columns, std::size_t threads) {
  constexpr ProductTile kTiles[] = {{8, 4}, {8, 2}, {4, 4}, {4, 2}, {4, 1}, {2, 2}, {2, 1}};
  for (const ProductTile& tile : kTiles)
    if (columns % tile.width == 0 && (m + tile.height - 1) / tile.height * (columns / tile.width) >= threads)
      return tile;
  return {};
}

class TileWriter {
 public:
  TileWriter(CudaSource& source, const std::string& name, const Plan& plan, std::size_t num_inputs, Dtype dtype,
             const ExtensionForm& form)
      : source_(source),
        name_(name),
        plan_(plan),
        num_inputs_(num_inputs),
        dtype_(dtype),
        form_(form),
        accesses_(source.threads()) {}

  void write() {
    write_memory();
    write_phase(Phase::kForward, "forward");
    if (!plan_.in(Phase::kReverse).empty()) write_phase(Phase::kReverse, "reverse");
    if (!plan_.in(Phase::kAccumulate).empty()) write_phase(Phase::kAccumulate, "accumulate");
  }

 private:
  void write_memory() {
    std::ostringstream text;
    text << "\nstruct " << name_ << "_memory {\n";
    for (std::size_t i = 0; i < num_inputs_; ++i) text << "  const " << real() << " *in" << i << ";\n";
    for (std::size_t i = 0; i < plan_.output_rows.size(); ++i) text << "  " << real() << " *out" << i << ";\n";
    text << "  const " << real() << " *shared;\n  " << real() << " *saved, *scratch;\n  const int *counts;\n};\n";
    source_.add(text.str());
  }

  void write_phase(Phase phase, const char* title) {
    body_.str("");
    accesses_ = PhaseAccesses(source_.threads());
    body_ << "\nCOSTATE_DEVICE void " << name_ << "_" << title << "(const " << name_ << "_memory &m) {\n"
          << "  COSTATE_PHASE(thread) {\n";
    for (const Instruction& instruction : plan_.in(phase)) {
      if (instruction.rows == 0) continue;
      if (accesses_.add(accesses_of(instruction, plan_.lanes))) body_ << "  }\n  COSTATE_PHASE(thread) {\n";
      write(instruction);
    }
    body_ << "  }\n}\n";
    source_.add(body_.str());
  }

  // ---- names

  std::string real() const { return device_type(dtype_); }
  std::string helper(const std::string& part) { return source_.helper(part, dtype_); }

  static std::string pointer(const Slot& slot) {
    const std::string index = std::to_string(slot.index);
    const std::string base = slot.region == Region::kInput    ? "m.in" + index
                             : slot.region == Region::kOutput ? "m.out" + index
                             : slot.region == Region::kShared ? "m.shared"
                             : slot.region == Region::kSaved  ? "m.saved"
                                                              : "m.scratch";
    return slot.offset == 0 ? base : text::concat("(", base, " + ", slot.offset, ")");
  }

  /// What an elementwise instruction reads at number `i` of [rows, lanes].
  std::string element(const Source& source) const {
    const char* at = source.motion == Motion::kFull   ? "i"
                     : source.motion == Motion::kLane ? "i % "
                     : source.motion == Motion::kRow  ? "i / "
                                                      : "0";
    const bool is_spread = source.motion == Motion::kLane || source.motion == Motion::kRow;
    return text::concat(pointer(source.slot), "[", at, is_spread ? std::to_string(plan_.lanes) : "", "]");
  }

  /// A source that stands in [rows, lanes], or [rows] where it is shared, at a row.
  std::string at_row(const Source& source, const std::string& row) const {
    if (source.is_shared()) return text::concat(pointer(source.slot), "[", row, "]");
    return text::concat(pointer(source.slot), "[(", row, ") * ", plan_.lanes, " + i % ", plan_.lanes, "]");
  }

  // ---- instructions

  /// for each number i of the result: …
  void begin_each(const Instruction& instruction) {
    body_ << "    for (int i = thread; i < " << instruction.rows * plan_.lanes << "; i += COSTATE_THREADS) ";
  }

  void write_each(const Instruction& instruction, const std::string& value) {
    begin_each(instruction);
    body_ << pointer(instruction.out) << "[i] = " << value << ";\n";
  }

  void write(const Instruction& instruction) {
    switch (instruction.kind) {
      case InstructionKind::kElementwise:
      case InstructionKind::kPair:
        return write_elementwise(instruction);
      case InstructionKind::kCopy:
        return write_each(instruction, element(instruction.sources[0]));
      case InstructionKind::kGather:
        return write_each(instruction, at_row(instruction.sources[0], row_of(instruction.table)));
      case InstructionKind::kScatter:
        return write_scatter(instruction);
      case InstructionKind::kReduce:
        return write_reduce(instruction);
      case InstructionKind::kGemm:
        return write_product(instruction);
      case InstructionKind::kBatched:
        return write_batched(instruction);
      case InstructionKind::kAddGemm:
        return write_add_product(instruction);
      case InstructionKind::kAddLanes:
        return write_add_lanes(instruction);
      case InstructionKind::kExtension:
        return write_extension(instruction);
      case InstructionKind::kAddExtension:
        refuse_extension(instruction);
      default:
        throw NotSupported("[cuda] a kernel has no form for '", info(instruction.op).name, "'; run it on the CPU.");
    }
  }

  std::string expression(Op op, const std::vector<std::string>& operands) {
    return c_expression(op, operands, [this](const std::string& part) { return helper(part); });
  }

  [[noreturn]] static void refuse_extension(const Instruction& instruction) {
    throw NotSupported("[cuda] a kernel has no form for the extension '", instruction.extension->name(),
                       "'; run it on the CPU.");
  }

  void write_extension(const Instruction& instruction) {
    std::vector<KernelOperand> operands;
    for (const Source& source : instruction.sources)
      operands.push_back(source.is_shared() ? KernelOperand{pointer(source.slot), 1, 0}
                                            : KernelOperand{pointer(source.slot), plan_.lanes, 1});
    const std::string value =
        form_ ? form_(source_, *instruction.extension, operands, instruction.operand_shapes, dtype_) : "";
    if (value.empty()) refuse_extension(instruction);
    begin_each(instruction);
    body_ << "{\n      const int row = i / " << plan_.lanes << ", lane = i % " << plan_.lanes << ";\n      "
          << pointer(instruction.out) << "[i] = " << value << ";\n      (void)row, (void)lane;\n    }\n";
  }

  void write_elementwise(const Instruction& instruction) {
    std::vector<std::string> x;
    for (const Source& source : instruction.sources) x.push_back(element(source));
    if (instruction.kind == InstructionKind::kElementwise)
      return write_each(instruction, expression(instruction.op, x));
    const std::string inner = "(" + expression(instruction.inner_op, {x[0], x[1]}) + ")";
    write_each(instruction, instruction.inner_is_right ? expression(instruction.op, {x[2], inner})
                                                       : expression(instruction.op, {inner, x[2]}));
  }

  /// The row of a table at the row of number i.
  std::string row_of(const std::vector<std::uint32_t>& table) {
    const std::string row = text::concat("(i / ", plan_.lanes, ")");
    if (const auto line = affine(table, 1)) return position(line->first, line->row, row);
    return text::concat(source_.table(table), "[", row, "]");
  }

  /// A row of the result adds up the rows that go there, in order.
  void write_scatter(const Instruction& instruction) {
    std::vector<std::vector<std::uint32_t>> sources(instruction.rows);
    for (std::size_t i = 0; i < instruction.table.size(); ++i)
      sources[instruction.table[i]].push_back(static_cast<std::uint32_t>(i));
    std::vector<std::uint32_t> starts = {0}, rows;
    for (const auto& of_row : sources) {
      rows.insert(rows.end(), of_row.begin(), of_row.end());
      starts.push_back(static_cast<std::uint32_t>(rows.size()));
    }
    if (rows.empty()) return write_each(instruction, "0");
    const std::string begin = source_.table(starts), from = source_.table(rows);
    begin_each(instruction);
    body_ << "{\n      " << real() << " sum = 0;\n      for (int j = " << begin << "[i / " << plan_.lanes << "]; j < "
          << begin << "[i / " << plan_.lanes << " + 1]; ++j) sum += " << at_row(instruction.sources[0], from + "[j]")
          << ";\n      " << pointer(instruction.out) << "[i] = sum;\n    }\n";
  }

  void write_reduce(const Instruction& instruction) {
    const std::size_t group = instruction.group;
    if (group == 0) throw NotSupported("[cuda] a kernel has no form for a reduction of nothing; run it on the CPU.");
    const std::string row = text::concat("(i / ", plan_.lanes, ")");
    const auto plane = affine(instruction.table, group);
    const std::string table = plane ? "" : source_.table(instruction.table);
    const auto place = [&](const std::string& j) {
      return plane ? position(plane->first, plane->row, row, j == "0" ? 0 : plane->column, j)
                   : text::concat(table, "[", group, " * ", row, " + ", j, "]");
    };
    const Source& from = instruction.sources[0];
    const std::string next = at_row(from, place("j"));
    std::string folded;
    if (instruction.op == Op::kSum)
      folded = "fold + " + next;
    else
      folded = helper(instruction.op == Op::kReduceMin ? "min" : "max") + "(fold, " + next + ")";
    begin_each(instruction);
    body_ << "{\n      " << real() << " fold = " << at_row(from, place("0")) << ";\n";
    if (group > 1) body_ << "      for (int j = 1; j < " << group << "; ++j) fold = " << folded << ";\n";
    body_ << "      " << pointer(instruction.out) << "[i] = fold;\n    }\n";
  }

  void write_product(const Instruction& p) {
    const std::size_t columns = p.n * plan_.lanes;
    const ProductTile tile = product_tile(p.m, columns, source_.threads());
    const std::string start = p.has_bias ? pointer(p.sources[2].slot) + "[row]" : "0";
    const std::string z = p.epilogue >= Epilogue::kTanhSlope ? pointer(p.sources.back().slot) + "[at]" : "";
    body_ << "    costate_product<" << real() << ", " << p.m << ", " << p.k << ", " << columns << ", " << tile.height
          << ", " << tile.width << ">(\n        thread, " << pointer(p.sources[0].slot) << ", " << p.row_stride << ", "
          << p.column_stride << ", " << pointer(p.sources[1].slot) << ", " << pointer(p.out)
          << ",\n        [&](int row) -> " << real() << " { (void)row; return " << start << "; },\n        [&]("
          << real() << " x, int at) -> " << real() << " { (void)at; return " << epilogue(p.epilogue, z) << "; });\n";
  }

  /// What becomes of the sum x.
  std::string epilogue(Epilogue epilogue, const std::string& z) {
    switch (epilogue) {
      case Epilogue::kNone:
        return "x";
      case Epilogue::kTanh:
        return helper("tanh") + "(x)";
      case Epilogue::kRelu:
        return helper("relu") + "(x)";
      case Epilogue::kSigmoid:
        return helper("sigmoid") + "(x)";
      case Epilogue::kSoftplus:
        return helper("softplus") + "(x)";
      case Epilogue::kTanhSlope:
        return text::concat("x * costate_fma(-", z, ", ", z, ", ", real(), "(1))");
      case Epilogue::kReluSlope:
        return z + " > 0 ? x : 0";
      case Epilogue::kSigmoidSlope:
        return text::concat("x * costate_fma(-", z, ", ", z, ", ", z, ")");
    }
    return "x";
  }

  void write_batched(const Instruction& p) {
    begin_each(p);
    body_ << "{\n      const int row = i / " << plan_.lanes << " / " << p.n << ", column = i / " << plan_.lanes << " % "
          << p.n << ";\n      " << real() << " sum = 0;\n      for (int k = 0; k < " << p.k
          << "; ++k) sum = costate_fma(" << at_row(p.sources[0], text::concat("row * ", p.k, " + k")) << ", "
          << at_row(p.sources[1], text::concat("k * ", p.n, " + column"))
          << ", sum);\n      (void)row, (void)column;\n      " << pointer(p.out) << "[i] = sum;\n    }\n";
  }

  void write_add_product(const Instruction& p) {
    body_ << "    costate_add_product<" << real() << ", " << p.m << ", " << p.n << ", " << p.k * plan_.lanes << ", "
          << plan_.lanes << ">(thread, " << pointer(p.sources[0].slot) << ", " << pointer(p.sources[1].slot)
          << ", m.counts, " << c_number(p.scale, dtype_) << ", " << pointer(p.out) << ");\n";
  }

  void write_add_lanes(const Instruction& instruction) {
    const Source& from = instruction.sources[0];
    const std::string at = from.is_shared() ? "[i]" : text::concat("[i * ", plan_.lanes, " + lane]");
    body_ << "    for (int i = thread; i < " << instruction.rows << "; i += COSTATE_THREADS) {\n      " << real()
          << " sum = 0;\n      for (int lane = 0; lane < " << plan_.lanes
          << "; ++lane)\n        if (m.counts[lane] != 0) sum += " << pointer(from.slot) << at << ";\n      "
          << pointer(instruction.out) << "[i] += " << c_number(instruction.scale, dtype_) << " * sum;\n    }\n";
  }

  CudaSource& source_;
  const std::string& name_;
  const Plan& plan_;
  std::size_t num_inputs_;
  Dtype dtype_;
  const ExtensionForm& form_;
  PhaseAccesses accesses_;
  std::ostringstream body_;
};

}  // namespace

void add_tile_function(CudaSource& source, const std::string& name, const Plan& plan, std::size_t num_inputs,
                       Dtype dtype, const ExtensionForm& form) {
  TileWriter(source, name, plan, num_inputs, dtype, form).write();
}

}  // namespace costate::internal

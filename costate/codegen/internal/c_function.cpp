// One small function for each kind of statement. A value of the plan has its place in memory: scratch is one array on
// the stack, and each value a named pointer into it, so that what is dead makes room as in the library.
#include "costate/codegen/internal/c_function.h"

#include <set>
#include <sstream>

#include "costate/base/error.h"
#include "costate/codegen/internal/c_source.h"
#include "costate/graph/extension.h"
#include "costate/operations/internal/table_read.h"
#include "costate/source/internal/affine_table.h"
#include "costate/source/internal/c_expression.h"
#include "costate/source/internal/c_text.h"

namespace costate::internal {
namespace {

class CFunctionWriter {
 public:
  CFunctionWriter(CSource& source, const StraightLine& line)
      : source_(source), line_(line), names_(line.values.size()) {
    for (const char* own : {"i", "j", "l", "w", "knots"}) taken_.insert(own);
  }

  std::string write(const std::string& name) {
    std::ostringstream head;
    head << "static inline void " << name << "(";
    const char* separator = "";
    const std::string real = source_.real();
    for (std::size_t i = 0; i < line_.values.size(); ++i) {
      if (line_.values[i].kind != LineValue::Kind::kInput) continue;
      names_[i] = unique_name(line_.values[i].name, taken_);
      head << separator << "const " << real << " *" << names_[i];
      separator = ", ";
    }
    for (const NamedRows& output : line_.outputs) {
      outputs_.push_back(unique_name(output.name, taken_));
      head << separator << real << " *" << outputs_.back();
      separator = ", ";
    }
    head << ") {\n";
    for (const LineStatement& statement : line_.statements) write(statement);
    if (line_.scratch_size > 0) head << "  " << real << " w[" << line_.scratch_size << "];\n";
    head << declarations_.str();
    if (!indices_.empty()) head << "  int " << text::join(indices_) << ";\n";
    for (std::size_t i = 0; i < line_.values.size(); ++i)
      if (line_.values[i].kind == LineValue::Kind::kInput && !read_.contains(i))
        head << "  (void)" << names_[i] << ";\n";
    return head.str() + body_.str() + "}\n";
  }

 private:
  // ---- names

  /// The start of a reading, as a pointer.
  std::string pointer(const Reading& reading) {
    const Piece& piece = reading.pieces.at(0);
    const std::string& name = name_of(piece.value);
    return piece.first == 0 ? name : text::concat("(", name, " + ", piece.first, ")");
  }

  const std::string& name_of(std::size_t value) {
    read_.insert(value);
    const LineValue& known = line_.values[value];
    if (known.kind == LineValue::Kind::kNumbers && names_[value].empty())
      names_[value] = source_.array(known.name.empty() ? "constant" : known.name, known.numbers);
    return names_[value];
  }

  /// Element `at`, an index expression.
  std::string element(const Reading& reading, const std::string& at) {
    const Piece& piece = reading.pieces.at(0);
    const LineValue& value = line_.values[piece.value];
    if (reading.is_scalar) {
      if (value.kind == LineValue::Kind::kNumbers) return source_.number(value.numbers[piece.first]);
      return text::concat(name_of(piece.value), "[", piece.first, "]");
    }
    const std::string& name = name_of(piece.value);
    if (piece.first == 0) return text::concat(name, "[", at, "]");
    return text::concat(name, "[", at == "0" ? std::to_string(piece.first) : text::concat(piece.first, " + ", at), "]");
  }

  std::size_t output_rows(std::int32_t output) const {
    return static_cast<std::size_t>(line_.outputs[static_cast<std::size_t>(output)].shape.size());
  }

  /// The pointer that a statement writes to; declared at its first use.
  std::string out_of(const LineStatement& statement) {
    const LineValue& value = line_.values[statement.value];
    std::string& name = names_[statement.value];
    if (value.place.region == Region::kOutput) {
      const std::string& output = outputs_[static_cast<std::size_t>(value.place.index)];
      if (value.place.offset == 0 && value.rows == output_rows(value.place.index)) return name = output;
      name = unique_name("v" + std::to_string(++count_), taken_);
      declarations_ << "  " << source_.real() << " *const " << name << " = " << output << " + " << value.place.offset
                    << ";\n";
      return name;
    }
    name = unique_name("v" + std::to_string(++count_), taken_);
    declarations_ << "  " << source_.real() << " *const " << name << " = w + " << value.place.offset << "; /* ["
                  << value.rows << "] */\n";
    return name;
  }

  // ---- statements

  void write(const LineStatement& statement) {
    const Instruction& instruction = statement.instruction;
    if (instruction.rows == 0) return;
    switch (instruction.kind) {
      case InstructionKind::kElementwise:
        return write_each(statement, [&](const std::string& at) {
          std::vector<std::string> operands;
          for (const Reading& reading : statement.readings) operands.push_back(element(reading, at));
          return expression(instruction.op, operands);
        });
      case InstructionKind::kPair:
        return write_pair(statement);
      case InstructionKind::kCopy:
        return write_each(statement, [&](const std::string& at) { return element(statement.readings[0], at); });
      case InstructionKind::kGather:
        return write_gather(statement);
      case InstructionKind::kScatter:
        return write_scatter(statement);
      case InstructionKind::kReduce:
        return write_reduce(statement);
      case InstructionKind::kGemm:
      case InstructionKind::kBatched:
        return write_product(statement);
      case InstructionKind::kExtension:
        return write_interpolation(statement);
      default:
        throw NotSupported("[export] C source has no form for '", info(instruction.op).name,
                           "'; leave it out of the function.");
    }
  }

  void begin_loop(const char* index, std::size_t count, const char* indent = "  ") {
    indices_.insert(index);
    body_ << indent << "for (" << index << " = 0; " << index << " < " << count << "; ++" << index << ")";
  }

  template <class Expression>
  void write_each(const LineStatement& statement, Expression expression_at) {
    const std::size_t rows = statement.instruction.rows;
    const std::string at = rows == 1 ? "0" : "i", value = expression_at(at), out = out_of(statement);
    if (rows == 1)
      body_ << " ";
    else
      begin_loop("i", rows);
    body_ << " " << out << "[" << at << "] = " << value << ";\n";
  }

  void write_pair(const LineStatement& statement) {
    const Instruction& instruction = statement.instruction;
    write_each(statement, [&](const std::string& at) {
      const auto& readings = statement.readings;
      const std::string inner =
          "(" + expression(instruction.inner_op, {element(readings[0], at), element(readings[1], at)}) + ")";
      const std::string other = element(readings[2], at);
      return instruction.inner_is_right ? expression(instruction.op, {other, inner})
                                        : expression(instruction.op, {inner, other});
    });
  }

  std::string expression(Op op, const std::vector<std::string>& x) {
    return c_expression(op, x, [this](const std::string& part) { return source_.helper(part); });
  }

  void write_gather(const LineStatement& statement) {
    const Instruction& instruction = statement.instruction;
    const Reading& from = statement.readings[0];
    if (const auto line = affine(instruction.table, 1))
      return write_each(statement, [&](const std::string& at) {
        return element(from, at == "0" ? std::to_string(line->first) : position(line->first, line->row, at));
      });
    const std::string table = source_.table(instruction.table);
    write_each(statement, [&](const std::string& at) { return element(from, table + "[" + at + "]"); });
  }

  void write_scatter(const LineStatement& statement) {
    const std::vector<std::uint32_t>& table = statement.instruction.table;
    const std::string from = element(statement.readings[0], "i"), out = out_of(statement);
    begin_loop("i", statement.instruction.rows);
    body_ << " " << out << "[i] = 0;\n";
    if (table.empty()) return;
    const auto line = affine(table, 1);
    const std::string to = line ? position(line->first, line->row, "i") : source_.table(table) + "[i]";
    begin_loop("i", table.size());
    body_ << " " << out << "[" << to << "] += " << from << ";\n";
  }

  void write_reduce(const LineStatement& statement) {
    const Instruction& instruction = statement.instruction;
    const std::size_t group = instruction.group, rows = instruction.rows;
    if (group == 0) throw NotSupported("[export] C source has no form for a reduction of nothing.");
    const auto plane = affine(instruction.table, group);
    const std::string table = plane ? "" : source_.table(instruction.table);
    const auto place = [&](const std::string& i, const std::string& j) {
      if (!plane) return table + "[" + (i == "0" ? j : text::concat(group, " * ", i, " + ", j)) + "]";
      return position(plane->first, i == "0" ? 0 : plane->row, i, j == "0" ? 0 : plane->column, j);
    };
    const std::string i = rows == 1 ? "0" : "i", first = element(statement.readings[0], place(i, "0")),
                      next = element(statement.readings[0], place(i, "j")), out = out_of(statement),
                      target = out + "[" + i + "]";
    if (rows > 1) {
      begin_loop("i", rows);
      body_ << " {\n  ";
    }
    body_ << "  " << target << " = " << first << ";\n";
    indices_.insert("j");
    body_ << (rows > 1 ? "    " : "  ") << "for (j = 1; j < " << group << "; ++j) " << target;
    if (instruction.op == Op::kSum)
      body_ << " += " << next << ";\n";
    else
      body_ << " = " << source_.helper(instruction.op == Op::kReduceMin ? "min" : "max") << "(" << target << ", "
            << next << ");\n";
    if (rows > 1) body_ << "  }\n";
  }

  /// out [m, n] = bias + A [m, k] B [k, n], then the epilogue: each sum a chain of multiply-adds, k ascending.
  void write_product(const LineStatement& statement) {
    const Instruction& p = statement.instruction;
    const bool is_gemm = p.kind == InstructionKind::kGemm;
    const auto row_stride = static_cast<std::ptrdiff_t>(is_gemm ? p.row_stride : p.k);
    const auto column_stride = static_cast<std::ptrdiff_t>(is_gemm ? p.column_stride : 1);
    const auto n = static_cast<std::ptrdiff_t>(p.n);
    const bool has_rows = p.m > 1;
    const std::string fma = upper_case(helper_fma());
    const std::string left =
        element(statement.readings[0], position(0, has_rows ? row_stride : 0, "i", column_stride, "l"));
    const std::string right = element(statement.readings[1], position(0, p.n == 1 ? 1 : n, "l", p.n > 1 ? 1 : 0, "j"));
    const std::string bias = p.has_bias ? element(statement.readings[2], p.n > 1 ? "j" : "0") : "0";
    const std::string slope =
        p.epilogue >= Epilogue::kTanhSlope
            ? element(statement.readings.back(), position(0, has_rows ? n : 0, "i", p.n > 1 ? 1 : 0, "j"))
            : "";
    const std::string out = out_of(statement);
    const std::string target = text::concat(out, "[", position(0, has_rows ? n : 0, "i", p.n > 1 ? 1 : 0, "j"), "]");
    const std::string indent = has_rows ? "    " : "  ";
    if (has_rows) {
      begin_loop("i", p.m);
      body_ << " {\n";
    }
    const auto over_columns = [&](const std::string& text, const std::string& inner) {
      body_ << inner;
      if (p.n > 1) {
        indices_.insert("j");
        body_ << "for (j = 0; j < " << p.n << "; ++j) ";
      }
      body_ << text << ";\n";
    };
    over_columns(target + " = " + bias, indent);
    if (p.k > 0) {
      begin_loop("l", p.k, indent.c_str());
      body_ << "\n";
      over_columns(text::concat(target, " = ", fma, "(", left, ", ", right, ", ", target, ")"), indent + "  ");
    }
    const std::string finish = epilogue(p.epilogue, target, slope, fma);
    if (!finish.empty()) over_columns(finish, indent);
    if (has_rows) body_ << "  }\n";
  }

  std::string helper_fma() { return source_.helper("fma"); }

  std::string epilogue(Epilogue epilogue, const std::string& out, const std::string& z, const std::string& fma) {
    const auto applied = [&](const char* helper) { return out + " = " + source_.helper(helper) + "(" + out + ")"; };
    switch (epilogue) {
      case Epilogue::kNone:
        return "";
      case Epilogue::kTanh:
        return applied("tanh");
      case Epilogue::kRelu:
        return applied("relu");
      case Epilogue::kSigmoid:
        return applied("sigmoid");
      case Epilogue::kSoftplus:
        return applied("softplus");
      case Epilogue::kTanhSlope:
        return text::concat(out, " *= ", fma, "(-", z, ", ", z, ", ", source_.number(1), ")");
      case Epilogue::kReluSlope:
        return text::concat(out, " = ", z, " > 0 ? ", out, " : 0");
      case Epilogue::kSigmoidSlope:
        return text::concat(out, " *= ", fma, "(-", z, ", ", z, ", ", z, ")");
    }
    return "";
  }

  void write_interpolation(const LineStatement& statement) {
    const Instruction& instruction = statement.instruction;
    const auto read = table_read(Node{.op = Op::kExtension, .operands = {0, 1, 2}, .extension = instruction.extension});
    if (!read)
      throw NotSupported("[export] C source has no form for the extension '", instruction.extension->name(),
                         "'; of extensions it has interpolate.");
    const bool is_value = read->values.has_value();
    const auto& shapes = instruction.operand_shapes;
    const std::string part = name(read->interpolation) + (is_value ? "_value" : "_transposed");
    const std::string call = source_.helper(part);
    const std::string times = pointer(statement.readings[0]);
    const std::string table = pointer(statement.readings[is_value ? 1 : 2]);
    const std::string query = element(statement.readings[is_value ? 2 : 1], "0");
    const std::int64_t columns = is_value ? shapes[1][1] : shapes[2].size();
    const std::string out = out_of(statement);
    body_ << "  {\n    const " << source_.prefixed("knots") << " knots = {" << times << ", " << shapes[0].size()
          << "};\n    " << call << "(&knots, " << table << ", " << columns << ", " << read->order << ", (double)"
          << query << ", " << out << ");\n  }\n";
  }

  CSource& source_;
  const StraightLine& line_;
  std::vector<std::string> names_;  // by value
  std::vector<std::string> outputs_;
  std::set<std::string> taken_;
  std::set<std::size_t> read_;
  std::ostringstream declarations_, body_;
  int count_ = 0;
  std::set<std::string> indices_;
};

}  // namespace

std::string c_function(CSource& source, const std::string& name, const StraightLine& line) {
  return CFunctionWriter(source, line).write(name);
}

}  // namespace costate::internal

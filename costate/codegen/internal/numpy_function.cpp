#include "costate/codegen/internal/numpy_function.h"

#include <cmath>
#include <set>
#include <sstream>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/source/internal/c_text.h"

namespace costate::internal {
namespace {

std::string python_number(double x) {
  if (std::isnan(x)) return "np.nan";
  if (std::isinf(x)) return x > 0 ? "np.inf" : "-np.inf";
  return c_number(x, Dtype::kF64);
}

class NumpyWriter {
 public:
  NumpyWriter(const StraightLine& line, NumpyConstants& constants)
      : line_(line), constants_(constants), names_(line.values.size()) {
    for (const char* own : {"np", "math"}) taken_.insert(own);
  }

  std::string write(const std::string& name, const std::string& about) {
    std::string arguments;
    for (std::size_t i = 0; i < line_.values.size(); ++i) {
      if (line_.values[i].kind != LineValue::Kind::kInput) continue;
      names_[i] = unique_name(line_.values[i].name, taken_);
      arguments += (arguments.empty() ? "" : ", ") + names_[i];
    }
    for (const LineStatement& statement : line_.statements) {
      if (statement.instruction.rows == 0) continue;
      const std::string value = expression(statement);
      names_[statement.value] = unique_name(text::concat("v", ++count_), taken_);
      body_ << "    " << names_[statement.value] << " = " << value << "\n";
    }
    std::vector<std::string> results;
    for (const Reading& result : line_.results) results.push_back(read(result));
    return text::concat("\n\ndef ", name, "(", arguments, "):\n    \"\"\"", about, "\"\"\"\n", body_.str(),
                        "    return ", text::join(results), "\n");
  }

 private:
  std::string read(const Reading& reading) {
    const auto piece = [&](const Piece& part) {
      const LineValue& value = line_.values[part.value];
      if (reading.is_scalar && value.kind == LineValue::Kind::kNumbers) return python_number(value.numbers[part.first]);
      const std::string& name = name_of(part.value);
      if (part.first == 0 && part.rows == value.rows) return name;
      return text::concat(name, "[..., ", part.first, ":", part.first + part.rows, "]");
    };
    if (reading.pieces.size() == 1) return piece(reading.pieces[0]);
    std::vector<std::string> parts;
    for (const Piece& part : reading.pieces) parts.push_back(piece(part));
    return "_join(" + text::join(parts) + ")";
  }

  const std::string& name_of(std::size_t value) {
    const LineValue& known = line_.values[value];
    if (known.kind != LineValue::Kind::kNumbers || !names_[value].empty()) return names_[value];
    const std::string wished = "_" + upper_case(c_identifier(known.name.empty() ? "constant" : known.name));
    std::string& name = constants_.arrays[{wished, known.numbers}];
    if (name.empty()) {
      name = unique_name(wished, constants_.names);
      constants_.text += text::concat(name, " = np.array(", python_list(known.numbers), ", _TYPE)\n");
    }
    names_[value] = name;
    return names_[value];
  }

  /// [rows] as a matrix [rows, columns].
  static std::string matrix(const std::string& x, std::size_t rows, std::size_t columns) {
    return text::concat(x, ".reshape(", x, ".shape[:-1] + (", rows, ", ", columns, "))");
  }

  std::string named(const std::string& value) {
    const std::string name = unique_name(text::concat("v", ++count_), taken_);
    body_ << "    " << name << " = " << value << "\n";
    return name;
  }

  static std::string table_text(std::span<const std::uint32_t> table) {
    return "[" + text::join(std::vector<std::uint32_t>(table.begin(), table.end())) + "]";
  }

  std::string expression(const LineStatement& statement) {
    const Instruction& instruction = statement.instruction;
    std::vector<std::string> x;
    for (const Reading& reading : statement.readings) x.push_back(read(reading));
    switch (instruction.kind) {
      case InstructionKind::kElementwise:
        return spread(statement, elementwise(instruction.op, x));
      case InstructionKind::kPair: {
        const std::string inner = "(" + elementwise(instruction.inner_op, {x[0], x[1]}) + ")";
        return spread(statement, instruction.inner_is_right ? elementwise(instruction.op, {x[2], inner})
                                                            : elementwise(instruction.op, {inner, x[2]}));
      }
      case InstructionKind::kCopy:
        return spread(statement, x[0]);
      case InstructionKind::kGather:
        return text::concat(x[0], "[..., ", table_text(instruction.table), "]");
      case InstructionKind::kScatter:
        return text::concat("_scatter(", x[0], ", ", table_text(instruction.table), ", ", instruction.rows, ")");
      case InstructionKind::kReduce: {
        const std::string groups = named(text::concat(x[0], "[..., ", table_text(instruction.table), "]"));
        const char* fold = instruction.op == Op::kSum ? "sum" : instruction.op == Op::kReduceMin ? "min" : "max";
        return text::concat(matrix(groups, instruction.rows, instruction.group), ".", fold, "(-1)");
      }
      case InstructionKind::kGemm:
      case InstructionKind::kBatched:
        return product(statement, x);
      default:
        refuse(instruction.extension ? instruction.extension->name() : std::string(info(instruction.op).name));
    }
  }

  [[noreturn]] static void refuse(const std::string& what) {
    throw NotSupported("[export] NumPy source has no form for '", what, "'; leave it out of the function.");
  }

  /// One number for all rows, or what samples share, may be all that a result is made of.
  std::string spread(const LineStatement& statement, const std::string& value) {
    for (const Reading& reading : statement.readings)
      if (!reading.is_scalar) return value;
    return text::concat("np.repeat(np.atleast_1d(", value, "), ", statement.instruction.rows, ", axis=-1)");
  }

  static std::string elementwise(Op op, const std::vector<std::string>& x) {
    switch (op) {
      case Op::kNeg:
        return "-" + x[0];
      case Op::kRelu:
        return "np.maximum(" + x[0] + ", 0)";
      case Op::kSigmoid:
        return "_sigmoid(" + x[0] + ")";
      case Op::kSoftplus:
        return "_softplus(" + x[0] + ")";
      case Op::kErf:
        return "_erf(" + x[0] + ")";
      case Op::kAdd:
        return x[0] + " + " + x[1];
      case Op::kSub:
        return x[0] + " - " + x[1];
      case Op::kMul:
        return x[0] + " * " + x[1];
      case Op::kDiv:
        return x[0] + " / " + x[1];
      case Op::kPow:
        return "np.power(" + x[0] + ", " + x[1] + ")";
      case Op::kMin:
        return "np.minimum(" + x[0] + ", " + x[1] + ")";
      case Op::kMax:
        return "np.maximum(" + x[0] + ", " + x[1] + ")";
      case Op::kLess:
        return "np.where(" + x[0] + " < " + x[1] + ", 1.0, 0.0)";
      case Op::kLessEqual:
        return "np.where(" + x[0] + " <= " + x[1] + ", 1.0, 0.0)";
      case Op::kEqual:
        return "np.where(" + x[0] + " == " + x[1] + ", 1.0, 0.0)";
      case Op::kWhere:
        return "np.where(" + x[0] + " != 0, " + x[1] + ", " + x[2] + ")";
      default:
        if (info(op).names.numpy.empty()) refuse(std::string(info(op).name));
        return text::concat("np.", info(op).names.numpy, "(", text::join(x), ")");
    }
  }

  std::string product(const LineStatement& statement, const std::vector<std::string>& x) {
    const Instruction& p = statement.instruction;
    const bool is_gemm = p.kind == InstructionKind::kGemm;
    const bool is_turned = is_gemm && p.m > 1 && p.row_stride == 1 && p.column_stride != 1;
    const std::string left = named(x[0]), right = named(x[1]);
    std::string sum;
    if (p.m == 1) {
      sum = statement.readings[1].pieces.size() == 1 && is_shared(statement.readings[1])
                ? text::concat(left, " @ ", matrix(right, p.k, p.n))
                : text::concat("(", matrix(left, 1, p.k), " @ ", matrix(right, p.k, p.n), ")[..., 0, :]");
    } else {
      const std::string of_left = is_turned ? matrix(left, p.k, p.m) + ".swapaxes(-1, -2)" : matrix(left, p.m, p.k);
      const std::string all = named(text::concat(of_left, " @ ", matrix(right, p.k, p.n)));
      sum = text::concat(all, ".reshape(", all, ".shape[:-2] + (-1,))");
    }
    if (p.has_bias) sum += " + " + x[2];
    return epilogue(p.epilogue, sum, x.back());
  }

  bool is_shared(const Reading& reading) const {
    return line_.values[reading.pieces[0].value].kind == LineValue::Kind::kNumbers;
  }

  static std::string epilogue(Epilogue epilogue, const std::string& sum, const std::string& z) {
    switch (epilogue) {
      case Epilogue::kNone:
        return sum;
      case Epilogue::kTanh:
        return "np.tanh(" + sum + ")";
      case Epilogue::kRelu:
        return "np.maximum(" + sum + ", 0)";
      case Epilogue::kSigmoid:
        return "_sigmoid(" + sum + ")";
      case Epilogue::kSoftplus:
        return "_softplus(" + sum + ")";
      case Epilogue::kTanhSlope:
        return "(" + sum + ") * (1 - " + z + " * " + z + ")";
      case Epilogue::kReluSlope:
        return "np.where(" + z + " > 0, " + sum + ", 0)";
      case Epilogue::kSigmoidSlope:
        return "(" + sum + ") * (" + z + " - " + z + " * " + z + ")";
    }
    return sum;
  }

  const StraightLine& line_;
  NumpyConstants& constants_;
  std::vector<std::string> names_;
  std::set<std::string> taken_;
  std::ostringstream body_;
  int count_ = 0;
};

}  // namespace

std::string python_list(std::span<const double> numbers) {
  std::vector<std::string> items;
  for (const double number : numbers) items.push_back(python_number(number));
  std::string list = c_list(items);
  list.front() = '[';
  list.back() = ']';
  return list;
}

std::string python_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string numpy_function(const std::string& name, const std::string& about, const StraightLine& line,
                           NumpyConstants& constants) {
  return NumpyWriter(line, constants).write(name, about);
}

}  // namespace costate::internal

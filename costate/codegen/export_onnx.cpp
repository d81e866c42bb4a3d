// A StraightLine as an ONNX graph. A value is a tensor [batch, rows]; what samples share is an initializer [rows]. The
// numbers of fields are those of onnx/onnx.proto (IR version 8).
#include "costate/codegen/export_onnx.h"

#include <bit>
#include <cstring>
#include <map>
#include <numbers>
#include <set>
#include <tuple>
#include <vector>

#include "costate/base/error.h"
#include "costate/base/version.h"
#include "costate/codegen/internal/onnx_head.h"
#include "costate/codegen/internal/straight_line.h"
#include "costate/graph/extension.h"

namespace costate {
namespace {

using internal::Epilogue;
using internal::Instruction;
using internal::InstructionKind;
using internal::LineStatement;
using internal::LineValue;
using internal::Piece;
using internal::ProtoRecord;
using internal::Reading;
using internal::StraightLine;

static_assert(std::endian::native == std::endian::little, "raw data of ONNX is little-endian");

constexpr std::uint64_t kOpset = 17;
constexpr std::uint64_t kFloat = 1, kInt64 = 7, kBool = 9, kDouble = 11;  // TensorProto.DataType

class OnnxWriter {
 public:
  OnnxWriter(const StraightLine& line, const OnnxExportOptions& options)
      : line_(line), options_(options), names_(line.values.size()) {}

  std::string write() {
    for (std::size_t i = 0; i < line_.values.size(); ++i)
      if (line_.values[i].kind == LineValue::Kind::kInput) names_[i] = flat_input(line_.inputs[line_.values[i].input]);
    for (const LineStatement& statement : line_.statements)
      if (statement.instruction.rows > 0) names_[statement.value] = value_of(statement);
    for (std::size_t i = 0; i < line_.outputs.size(); ++i) write_output(i);
    for (const auto& [name, tensor] : tensors_)
      if (read_.contains(name)) graph_.record(5, tensor);  // runtimes warn of others at each load
    graph_.bytes(2, options_.name);
    return model().text();
  }

 private:
  bool is_f64() const { return options_.dtype == Dtype::kF64; }
  std::uint64_t type() const { return is_f64() ? kDouble : kFloat; }

  ProtoRecord model() const {
    ProtoRecord model = internal::onnx_head();
    model.bytes(3, version());
    model.record(7, graph_).record(8, ProtoRecord().bytes(1, "").number(2, kOpset));
    for (const auto& [key, value] : options_.metadata) model.record(14, ProtoRecord().bytes(1, key).bytes(2, value));
    return model;
  }

  // ---- what the graph is made of

  std::string fresh() { return "v" + std::to_string(++count_); }

  struct Attribute {
    std::string name;
    std::int64_t value;
  };

  std::string node(const std::string& op, const std::vector<std::string>& inputs,
                   const std::vector<Attribute>& attributes = {}, std::string out = "") {
    if (out.empty()) out = fresh();
    ProtoRecord record;
    for (const std::string& input : inputs) record.bytes(1, input);
    read_.insert(inputs.begin(), inputs.end());
    record.bytes(2, out).bytes(4, op);
    for (const auto& [name, value] : attributes)
      record.record(5, ProtoRecord().bytes(1, name).number(3, static_cast<std::uint64_t>(value)).number(20, 2));
    graph_.record(1, record);
    return out;
  }

  template <class T>
  std::string initializer(std::uint64_t type, const std::vector<std::int64_t>& dims, const std::vector<T>& numbers) {
    ProtoRecord tensor;
    for (const std::int64_t dim : dims) tensor.number(1, static_cast<std::uint64_t>(dim));
    std::string raw(numbers.size() * sizeof(T), '\0');
    std::memcpy(raw.data(), numbers.data(), raw.size());
    std::string& name = initializers_[{type, dims, raw}];
    if (!name.empty()) return name;
    name = "c" + std::to_string(initializers_.size());
    tensors_.emplace_back(name, tensor.number(2, type).bytes(8, name).bytes(9, raw));
    return name;
  }

  std::string numbers(const std::vector<double>& values, const std::vector<std::int64_t>& dims) {
    if (is_f64()) return initializer(kDouble, dims, values);
    return initializer(kFloat, dims, std::vector<float>(values.begin(), values.end()));
  }
  std::string number(double value) { return numbers({value}, {1}); }
  std::string integers(const std::vector<std::int64_t>& values) {
    return initializer(kInt64, {static_cast<std::int64_t>(values.size())}, values);
  }

  /// [batch, …shape]
  ProtoRecord typed(const std::string& name, const Shape& shape) const { return typed(name, shape, type()); }
  static ProtoRecord typed(const std::string& name, const Shape& shape, std::uint64_t type) {
    ProtoRecord dims;
    dims.record(1, ProtoRecord().bytes(2, "batch"));
    for (const std::int64_t axis : shape.axes())
      dims.record(1, ProtoRecord().number(1, static_cast<std::uint64_t>(axis)));
    const ProtoRecord tensor = ProtoRecord().number(1, type).record(2, dims);
    return ProtoRecord().bytes(1, name).record(2, ProtoRecord().record(1, tensor));
  }

  std::string phases() {
    const OnnxClock& clock = options_.clock;
    graph_.record(11, typed(clock.time, {}, kDouble));
    if (first_input_.empty()) first_input_ = clock.time;
    const std::vector<std::int64_t> dims = {count(clock.periods.size())};
    const std::string turns = node("Div", {reshaped(clock.time, {-1, 1}), initializer(kDouble, dims, clock.periods)});
    const std::string rest = node("Sub", {turns, node("Floor", {turns})});
    const std::string turn = initializer(kDouble, {1}, std::vector<double>{2 * std::numbers::pi});
    const std::string angles = node("Mul", {rest, turn});
    return is_f64() ? angles : node("Cast", {angles}, {{"to", static_cast<std::int64_t>(type())}});
  }

  std::string flat_input(const internal::NamedRows& input) {
    if (!options_.clock.phases.empty() && input.name == options_.clock.phases) return phases();
    graph_.record(11, typed(input.name, input.shape));
    if (first_input_.empty()) first_input_ = input.name;
    return input.shape.rank() == 1 ? input.name : reshaped(input.name, {-1, input.shape.size()});
  }

  std::string reshaped(const std::string& x, const std::vector<std::int64_t>& shape) {
    return node("Reshape", {x, integers(shape)});
  }

  void write_output(std::size_t i) {
    const Shape& shape = line_.outputs[i].shape;
    const std::string& name = i < options_.outputs.size() ? options_.outputs[i] : line_.outputs[i].name;
    std::vector<std::int64_t> dims = {-1};
    dims.insert(dims.end(), shape.axes().begin(), shape.axes().end());
    node("Reshape", {in_batch(line_.results[i]), integers(dims)}, {}, name);
    graph_.record(12, typed(name, shape));
  }

  // ---- readings

  static std::int64_t count(std::size_t size) { return static_cast<std::int64_t>(size); }

  bool is_shared(std::size_t value) const { return line_.values[value].kind == LineValue::Kind::kNumbers; }
  bool is_shared(const Reading& reading) const {
    return reading.pieces.size() == 1 && is_shared(reading.pieces[0].value);
  }

  std::string piece(const Piece& part) {
    const LineValue& value = line_.values[part.value];
    if (is_shared(part.value)) {
      const auto first = value.numbers.begin() + static_cast<std::ptrdiff_t>(part.first);
      return numbers({first, first + static_cast<std::ptrdiff_t>(part.rows)}, {count(part.rows)});
    }
    const std::string& name = names_[part.value];
    if (part.first == 0 && part.rows == value.rows) return name;
    return node("Slice",
                {name, integers({count(part.first)}), integers({count(part.first + part.rows)}), integers({1})});
  }

  std::string read(const Reading& reading) {
    if (reading.pieces.size() == 1) return piece(reading.pieces[0]);
    std::vector<std::string> parts;
    for (const Piece& part : reading.pieces) parts.push_back(is_shared(part.value) ? in_batch(part) : piece(part));
    return node("Concat", parts, {{"axis", 1}});
  }

  /// What samples share, once for each.
  std::string in_batch(const Piece& part) {
    return is_shared(part.value) ? expanded(piece(part), part.rows) : piece(part);
  }
  std::string in_batch(const Reading& reading) {
    return is_shared(reading) ? expanded(read(reading), reading.pieces[0].rows) : read(reading);
  }
  std::string expanded(const std::string& x, std::size_t rows) {
    if (first_input_.empty()) throw NotSupported("[export] ONNX has no form for a function without inputs.");
    const std::string batch = node("Gather", {node("Shape", {first_input_}), integers({0})}, {{"axis", 0}});
    return node("Expand", {x, node("Concat", {batch, integers({count(rows)})}, {{"axis", 0}})});
  }

  // ---- statements

  std::string value_of(const LineStatement& statement) {
    const Instruction& instruction = statement.instruction;
    std::vector<std::string> x;
    for (const Reading& reading : statement.readings) x.push_back(read(reading));
    const auto indices = [&] { return integers({instruction.table.begin(), instruction.table.end()}); };
    switch (instruction.kind) {
      case InstructionKind::kElementwise:
        return spread(statement, elementwise(instruction.op, x));
      case InstructionKind::kPair: {
        const std::string inner = elementwise(instruction.inner_op, {x[0], x[1]});
        return spread(statement, elementwise(instruction.op, instruction.inner_is_right ? std::vector{x[2], inner}
                                                                                        : std::vector{inner, x[2]}));
      }
      case InstructionKind::kCopy:
        return spread(statement, x[0]);
      case InstructionKind::kGather:
        return node("Gather", {in_batch(statement.readings[0]), indices()}, {{"axis", 1}});
      case InstructionKind::kScatter:
        return scattered(statement);
      case InstructionKind::kReduce: {
        const std::string gathered = node("Gather", {in_batch(statement.readings[0]), indices()}, {{"axis", 1}});
        const std::string groups = reshaped(gathered, {0, count(instruction.rows), count(instruction.group)});
        if (instruction.op == Op::kSum) return node("ReduceSum", {groups, integers({2})}, {{"keepdims", 0}});
        return extreme(instruction.op == Op::kReduceMin ? "Min" : "Max", groups, instruction.group);
      }
      case InstructionKind::kGemm:
      case InstructionKind::kBatched:
        return product(statement, x);
      default:
        refuse(instruction.extension ? instruction.extension->name() : std::string(info(instruction.op).name));
    }
  }

  [[noreturn]] void refuse(const std::string& what) const {
    throw NotSupported("[export] ONNX has no form for '", what, "' in ", costate::name(options_.dtype),
                       is_f64() ? "; f32 may have one." : ".");
  }

  /// A result of one number, or of shared ones alone, in all its rows.
  std::string spread(const LineStatement& statement, const std::string& value) {
    bool has_rows = statement.instruction.rows == 1, is_of_samples = false;
    for (const Reading& reading : statement.readings) {
      has_rows = has_rows || !reading.is_scalar;
      is_of_samples = is_of_samples || !is_shared(reading);
    }
    if (has_rows && is_of_samples) return value;
    return expanded(value, statement.instruction.rows);
  }

  /// A product with the matrix that has a 1 where each row goes.
  std::string scattered(const LineStatement& statement) {
    const std::size_t rows = statement.instruction.rows, from = statement.instruction.table.size();
    std::vector<double> matrix(from * rows, 0.0);
    for (std::size_t i = 0; i < from; ++i) matrix[i * rows + statement.instruction.table[i]] += 1;
    return node("MatMul", {in_batch(statement.readings[0]), numbers(matrix, {count(from), count(rows)})});
  }

  /// The reduction as a chain: onnxruntime has none for every type.
  std::string extreme(const char* op, const std::string& groups, std::size_t group) {
    std::vector<std::string> parts;
    for (std::size_t j = 0; j < group; ++j)
      parts.push_back(
          node("Gather", {groups, initializer(kInt64, {}, std::vector<std::int64_t>{count(j)})}, {{"axis", 2}}));
    return node(op, parts);
  }

  std::string product(const LineStatement& statement, const std::vector<std::string>& x) {
    const Instruction& p = statement.instruction;
    const bool is_gemm = p.kind == InstructionKind::kGemm;
    const auto as_matrix = [&](std::size_t operand, std::size_t rows, std::size_t columns) {
      return is_shared(statement.readings[operand]) ? reshaped(x[operand], {count(rows), count(columns)})
                                                    : reshaped(x[operand], {0, count(rows), count(columns)});
    };
    std::string sum;
    if (p.m == 1 && is_shared(statement.readings[1])) {
      sum = node("MatMul", {x[0], matrix_of(statement.readings[1], p.k, p.n)});
    } else {
      const bool is_turned = is_gemm && p.m > 1 && p.row_stride == 1 && p.column_stride != 1;
      std::string left = is_turned ? as_matrix(0, p.k, p.m) : as_matrix(0, p.m, p.k);
      if (is_turned) left = node("Transpose", {left});  // of two axes: it is shared
      sum = reshaped(node("MatMul", {left, as_matrix(1, p.k, p.n)}), {-1, count(p.m * p.n)});
    }
    if (p.has_bias) sum = node("Add", {sum, x[2]});
    return epilogue(p.epilogue, sum, x.back());
  }

  std::string matrix_of(const Reading& reading, std::size_t rows, std::size_t columns) {
    const Piece& part = reading.pieces[0];
    const auto first = line_.values[part.value].numbers.begin() + static_cast<std::ptrdiff_t>(part.first);
    return numbers({first, first + static_cast<std::ptrdiff_t>(part.rows)}, {count(rows), count(columns)});
  }

  std::string epilogue(Epilogue epilogue, const std::string& sum, const std::string& z) {
    switch (epilogue) {
      case Epilogue::kNone:
        return sum;
      case Epilogue::kTanh:
        return elementwise(Op::kTanh, {sum});
      case Epilogue::kRelu:
        return elementwise(Op::kRelu, {sum});
      case Epilogue::kSigmoid:
        return elementwise(Op::kSigmoid, {sum});
      case Epilogue::kSoftplus:
        return elementwise(Op::kSoftplus, {sum});
      case Epilogue::kTanhSlope:
        return node("Mul", {sum, node("Sub", {number(1), node("Mul", {z, z})})});
      case Epilogue::kReluSlope:
        return node("Where", {node("Less", {number(0), z}), sum, number(0)});
      case Epilogue::kSigmoidSlope:
        return node("Mul", {sum, node("Sub", {z, node("Mul", {z, z})})});
    }
    return sum;
  }

  // ---- elementwise

  std::string elementwise(Op op, const std::vector<std::string>& x) {
    const OtherNames& names = info(op).names;
    if (names.onnx_types == OnnxTypes::kAll || (names.onnx_types == OnnxTypes::kF32 && !is_f64()))
      return node(std::string(names.onnx), x);
    switch (op) {
      case Op::kNeg:
        return node("Neg", x);
      case Op::kAdd:
        return node("Add", x);
      case Op::kSub:
        return node("Sub", x);
      case Op::kMul:
        return node("Mul", x);
      case Op::kDiv:
        return node("Div", x);
      case Op::kPow:
        return node("Pow", x);
      case Op::kMin:
        return node("Min", x);
      case Op::kMax:
        return node("Max", x);
      case Op::kLess:
        return as_number(node("Less", x));
      case Op::kLessEqual:
        return as_number(node("LessOrEqual", x));
      case Op::kEqual:
        return as_number(node("Equal", x));
      case Op::kWhere:
        return node("Where", {node("Cast", {x[0]}, {{"to", static_cast<std::int64_t>(kBool)}}), x[1], x[2]});
      case Op::kExpm1:
        return expm1(x[0]);
      case Op::kLog1p:
        return log1p(x[0]);
      case Op::kSoftplus:
        return softplus(x[0]);
      case Op::kTan:
        return node("Div", {node("Sin", x), node("Cos", x)});
      case Op::kSinh:
        return sinh(x[0]);
      case Op::kCosh: {
        const std::string e = node("Exp", {node("Abs", x)});
        return node("Mul", {number(0.5), node("Add", {e, node("Div", {number(1), e})})});
      }
      default:
        refuse(std::string(info(op).name));
    }
  }

  std::string as_number(const std::string& condition) {
    return node("Cast", {condition}, {{"to", static_cast<std::int64_t>(type())}});
  }

  /// tanh(x / 2) (exp(x) + 1), which does not cancel for small x.
  std::string expm1(const std::string& x) {
    const std::string half = node("Tanh", {node("Mul", {x, number(0.5)})});
    return node("Mul", {half, node("Add", {node("Exp", {x}), number(1)})});
  }

  /// log(u) x / (u - 1) with u = 1 + x (Kahan), and x where u is 1.
  std::string log1p(const std::string& x) {
    const std::string u = node("Add", {x, number(1)}), is_one = node("Equal", {u, number(1)});
    const std::string rest = node("Where", {is_one, number(1), node("Sub", {u, number(1)})});
    const std::string log = node("Div", {node("Mul", {node("Log", {u}), x}), rest});
    return node("Where", {is_one, x, log});
  }

  /// max(x, 0) + log1p(exp(-|x|)).
  std::string softplus(const std::string& x) {
    return node("Add", {node("Relu", {x}), log1p(node("Exp", {node("Neg", {node("Abs", {x})})}))});
  }

  /// (e + e / (e + 1)) / 2 with e = exp(x) - 1.
  std::string sinh(const std::string& x) {
    const std::string e = expm1(x);
    return node("Mul", {number(0.5), node("Add", {e, node("Div", {e, node("Add", {e, number(1)})})})});
  }

  const StraightLine& line_;
  const OnnxExportOptions& options_;
  std::vector<std::string> names_;
  ProtoRecord graph_;
  std::string first_input_;
  std::map<std::tuple<std::uint64_t, std::vector<std::int64_t>, std::string>, std::string> initializers_;
  std::vector<std::pair<std::string, ProtoRecord>> tensors_;  // of the initializers
  std::set<std::string> read_;                                // by nodes
  int count_ = 0;
};

}  // namespace

std::string export_onnx(const Function& function, const OnnxExportOptions& options) {
  const StraightLine line = internal::straight_line(function, options.dtype);
  return OnnxWriter(line, options).write();
}

}  // namespace costate

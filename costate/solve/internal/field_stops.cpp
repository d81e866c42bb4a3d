#include "costate/solve/internal/field_stops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/reach.h"
#include "costate/graph/interpret.h"
#include "costate/graph/simplify.h"
#include "costate/operations/internal/table_read.h"
#include "costate/solve/internal/table_bends.h"

namespace costate::internal {
namespace {

/// A value of the field as slope · t + start, both made of what moves with neither t nor the state, of its shape or
/// scalars. An empty Array is 0.
struct Line {
  Array slope, start;
  bool is_time = false;  // t itself
};

/// The operations that bend or jump where an operand, or the difference of two, is 0.
bool switches(Op op) {
  switch (op) {
    case Op::kAbs:
    case Op::kRelu:
    case Op::kSign:
    case Op::kMin:
    case Op::kMax:
    case Op::kLess:
    case Op::kLessEqual:
      return true;
    default:
      return false;
  }
}

/// Of more numbers than these that switch at times of their own, stops are not looked for: a net of t alone has
/// hundreds of units, and its field is smooth enough.
constexpr std::int64_t kMostSwitches = 64;

Array added(const Array& x, const Array& y) { return x.is_empty() ? y : y.is_empty() ? x : x + y; }
Array negated(const Array& x) { return x.is_empty() ? x : -x; }

/// Goes through the nodes of a field and builds, in a trace of its own, the stops of its tables and switches.
class StopFinder {
 public:
  explicit StopFinder(const VectorField& field)
      : function_(simplify(field.function())),
        num_parts_(field.parts().size()),
        reads_time_(reached_from(function_, 0, 1)),
        reads_state_(reached_from(function_, 1, 1 + num_parts_)),
        reads_argument_(reached_from(function_, 1 + num_parts_, function_.inputs().size())) {}

  FieldStops find() {
    const BuilderScope scope(builder_);
    for (const Input& input : function_.inputs()) inputs_.push_back(builder_.input_like(input));
    for (const Node& node : function_.nodes()) {
      if (const auto read = table_read(node); read && reads_time(read->query)) add(*read);
      if (switches(node.op)) add_switch(node);
    }
    if (!outputs_.empty()) sort_out(simplify(builder_.finish(outputs_)));
    return std::move(stops_);
  }

 private:
  bool reads_time(NodeId id) const { return reads_time_[id]; }
  bool reads_state(NodeId id) const { return reads_state_[id]; }
  bool reads_argument(NodeId id) const { return reads_argument_[id]; }

  void add(const TableRead& read) {
    const bool knots_move = reads_time(read.times) || reads_state(read.times);
    const bool is_one = function_.node(read.query).shape.size() == 1;
    const std::optional<Line> line = knots_move || !is_one ? std::nullopt : line_of(read.query);
    if (!line) {
      stops_.unknown.push_back(text::concat("a ", name(read.interpolation), " table of ",
                                            function_.node(read.times).shape.size(), " knots ",
                                            knots_move ? "has knots that move" : "is not read at t or a t + b"));
      return;
    }
    bends_.push_back(bends_of(read));
    const bool is_new = seen_.insert({read.times, read.query}).second;
    if (!is_new && bends_.back().empty()) return bends_.pop_back();
    kinds_.push_back({.offset = 0, .is_line = !line->is_time, .read = read_in(read)});
    add_stops(*line, rebuild(read.times));
  }

  /// Where the line has these values, [n]. One that rests, of slope 0, has them never.
  void add_stops(const Line& line, const Array& values) {
    if (line.is_time) {
      outputs_.insert(outputs_.end(), {values, constant(0.0)});
      return;
    }
    const Array start = line.start.is_empty() ? constant(0.0) : line.start;
    const Array rests = equal(line.slope, 0.0), slope = where(rests, 1.0, line.slope);
    outputs_.push_back(where(rests, kNever, (values - start) / slope));
    outputs_.push_back(where(rests, 0.0, start / slope));
  }

  /// Where a comparison of lines changes, and what is like one. A field may write several at once: where(t > times, …).
  void add_switch(const Node& node) {
    const auto reads_t = [&](NodeId id) { return reads_time(id); };
    if (node.shape.size() > kMostSwitches || std::ranges::none_of(node.operands, reads_t)) return;
    const bool is_binary = node.operands.size() == 2;
    const std::optional<Line> left = line_of(node.operands[0]);
    const std::optional<Line> right = is_binary ? line_of(node.operands[1]) : std::nullopt;
    if (!left || (is_binary && !right)) return;
    const bool reads_arguments = std::ranges::any_of(node.operands, [&](NodeId id) { return reads_argument(id); });
    // t beside what rests is compared as it is; otherwise the difference goes through 0.
    const bool is_time =
        is_binary && (left->is_time ? right->slope.is_empty() : right->is_time && left->slope.is_empty());
    const std::optional<Line> line = is_binary && !is_time ? combined(Op::kSub, left, right) : left;
    if (!is_time && line->slope.is_empty()) return;
    const Array threshold = !is_time ? Array() : left->is_time ? right->start : left->start;
    const StopKind kind{.offset = 0,
                        .is_line = !is_time,
                        .read = !reads_arguments ? ReadIn::kF64
                                : is_time        ? ReadIn::kLookUpInF32
                                                 : ReadIn::kQueryInF32};
    for (std::int64_t i = 0; i < node.shape.size(); ++i) {
      const auto one = [&](const Array& all) {
        if (all.is_empty()) return constant(0.0);
        return all.shape().size() == 1 ? reshape(all, {}) : gather(all, {i}, {});
      };
      const Line of_one =
          is_time ? Line{.slope = {}, .start = {}, .is_time = true} : Line{one(line->slope), one(line->start)};
      bends_.emplace_back();
      kinds_.push_back(kind);
      add_stops(of_one, reshape(one(threshold), {1}));
    }
  }

  ReadIn read_in(const TableRead& read) const {
    if (reads_argument(read.query)) return ReadIn::kQueryInF32;
    const bool moves =
        reads_argument(read.times) || !read.values || reads_argument(*read.values) || reads_state(*read.values);
    return moves ? ReadIn::kLookUpInF32 : ReadIn::kF64;
  }

  /// Of a table of constants which knots count; empty: all.
  std::vector<bool> bends_of(const TableRead& read) const {
    const Node& times = function_.node(read.times);
    if (!read.values || times.op != Op::kConstant || function_.node(*read.values).op != Op::kConstant) return {};
    const auto numbers = [](const Node& node) { return interpret_node(node, {}, {}); };
    return find_bends(read.interpolation, read.order, numbers(times), numbers(function_.node(*read.values)));
  }

  std::optional<Line> line_of(NodeId id) {
    if (const auto found = lines_.find(id); found != lines_.end()) return found->second;
    return lines_[id] = find_line(id);
  }

  std::optional<Line> find_line(NodeId id) {
    const Node& node = function_.node(id);
    if (reads_state(id)) return std::nullopt;
    if (!reads_time(id)) return Line{.slope = {}, .start = scalar_if_one(rebuild(id))};
    const auto operand = [&](std::size_t i) { return line_of(node.operands[i]); };
    switch (node.op) {
      case Op::kInput:
        return Line{.slope = constant(1.0), .start = {}, .is_time = true};
      case Op::kStopGradient:
        return operand(0);
      case Op::kReshape:
      case Op::kBroadcast:
        return in_shape(operand(0), node.shape);
      case Op::kNeg:
        if (const auto x = operand(0)) return Line{negated(x->slope), negated(x->start)};
        return std::nullopt;
      case Op::kAdd:
      case Op::kSub:
      case Op::kMul:
      case Op::kDiv:
        return combined(node.op, operand(0), operand(1));
      default:
        return std::nullopt;
    }
  }

  static Array scalar_if_one(const Array& x) { return x.shape().size() == 1 ? reshape(x, {}) : x; }

  /// Of a value that is broadcast or reshaped: what is a scalar stays one.
  static std::optional<Line> in_shape(std::optional<Line> line, const Shape& shape) {
    if (!line) return line;
    for (Array* x : {&line->slope, &line->start})
      if (!x->is_empty() && x->shape().rank() > 0)
        *x = x->shape().size() == shape.size() ? reshape(*x, shape) : broadcast_to(*x, shape);
    return line;
  }

  static std::optional<Line> combined(Op op, std::optional<Line> x, std::optional<Line> y) {
    if (!x || !y) return std::nullopt;
    if (op == Op::kAdd) return Line{added(x->slope, y->slope), added(x->start, y->start)};
    if (op == Op::kSub) return Line{added(x->slope, negated(y->slope)), added(x->start, negated(y->start))};
    if (op == Op::kMul && x->slope.is_empty()) std::swap(x, y);
    if (!y->slope.is_empty()) return std::nullopt;
    const auto scaled = [&](const Array& value) {
      return value.is_empty() ? value : op == Op::kMul ? value * y->start : value / y->start;
    };
    return Line{scaled(x->slope), scaled(x->start)};
  }

  static constexpr double kNever = std::numeric_limits<double>::infinity();

  Array rebuild(NodeId id) {
    if (const auto found = rebuilt_.find(id); found != rebuilt_.end()) return found->second;
    Node node = function_.node(id);
    if (node.op == Op::kInput) return inputs_[static_cast<std::size_t>(node.indices[0])];
    for (NodeId& operand : node.operands) operand = rebuild(operand).node();
    return rebuilt_[id] = builder_.append(std::move(node));
  }

  /// What the trace knows becomes numbers, the rest a function of the arguments.
  void sort_out(const Function& all) {
    PerNode<bool> is_known;
    for (const Node& node : all.nodes())
      is_known.push_back(node.op != Op::kInput &&
                         std::ranges::all_of(node.operands, [&](NodeId operand) { return is_known[operand]; }));
    std::vector<Output> unknown;
    const auto known = [&](const Output& output) { return is_known[output.node]; };
    for (std::size_t i = 0; i < all.outputs().size(); i += 2) {
      const std::span<const Output> pair = std::span(all.outputs()).subspan(i, 2);
      if (known(pair[0]) && known(pair[1])) {
        add_known(simplify(Function(all.nodes(), all.inputs(), {pair.begin(), pair.end()})), i / 2);
      } else {
        unknown.insert(unknown.end(), pair.begin(), pair.end());
        stops_.argument_kinds.push_back(kinds_[i / 2]);
      }
    }
    if (!unknown.empty()) stops_.of_arguments = simplify(Function(all.nodes(), all.inputs(), std::move(unknown)));
  }

  void add_known(const Function& function, std::size_t table) {
    std::vector<HostArray> unread;
    for (const Input& input : function.inputs()) unread.emplace_back(input.shape);
    const std::vector<HostArray> numbers = interpret(function, unread);
    KnownStops known{.times = {}, .kind = kinds_[table]};
    known.kind.offset = numbers[1].at(0);
    const std::vector<bool>& counts = bends_[table];
    for (std::int64_t i = 0; i < numbers[0].size(); ++i)
      if (counts.empty() || counts[static_cast<std::size_t>(i)]) known.times.push_back(numbers[0].at(i));
    if (!std::ranges::is_sorted(known.times)) std::ranges::sort(known.times);
    if (!known.times.empty()) stops_.known.push_back(std::move(known));
  }

  const Function function_;
  const std::size_t num_parts_;
  PerNode<bool> reads_time_, reads_state_, reads_argument_;  // by node
  GraphBuilder builder_;
  std::vector<Array> inputs_, outputs_;
  std::map<NodeId, Array> rebuilt_;
  std::map<NodeId, std::optional<Line>> lines_;
  std::set<std::pair<NodeId, NodeId>> seen_;  // times and query
  std::vector<std::vector<bool>> bends_;      // by table, as kinds_
  std::vector<StopKind> kinds_;
  FieldStops stops_;
};

}  // namespace

FieldStops find_stops(const VectorField& field) { return StopFinder(field).find(); }

SampleStops stops_of_sample(const VectorField& field, std::span<const double> stop_at,
                            std::span<const std::vector<double>> arguments) {
  const FieldStops stops = find_stops(field);
  SampleStops sample;
  const auto add = [&](double time, StopKind kind) {
    kind.read = ReadIn::kF64;
    if (std::isfinite(time)) sample.stops.push_back({time, kind.inside(time)});
    sample.scale = std::max(sample.scale, std::abs(kind.offset));
  };
  for (const KnownStops& known : stops.known)
    for (const double time : known.times) add(time, known.kind);
  for (const double time : stop_at) add(time, {});
  if (!stops.of_arguments.is_empty()) {
    std::vector<HostArray> inputs;
    for (const Input& input : stops.of_arguments.inputs()) {
      const std::size_t first = 1 + field.parts().size(), i = inputs.size();
      inputs.push_back(i < first ? HostArray(input.shape) : HostArray(input.shape, arguments[i - first]));
    }
    const std::vector<HostArray> tables = interpret(stops.of_arguments, inputs);
    for (std::size_t table = 0; 2 * table < tables.size(); ++table) {
      StopKind kind = stops.argument_kinds[table];
      kind.offset = tables[2 * table + 1].at(0);
      for (std::int64_t i = 0; i < tables[2 * table].size(); ++i) add(tables[2 * table].at(i), kind);
    }
  }
  std::ranges::sort(sample.stops, {}, &Stop::time);
  return sample;
}

}  // namespace costate::internal

#include "costate/operations/map_rows.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/internal/image_lanes.h"
#include "costate/exec/internal/tile_function.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/interpret.h"
#include "costate/graph/simplify.h"
#include "costate/graph/tighten.h"
#include "costate/graph/trace.h"

namespace costate {
namespace {

/// What is done with a row. A derivative of such a function is one, too.
struct RowFunction {
  Function function;        // inputs: of the row, then what all rows read; outputs: of the row, then what is summed
  std::size_t num_row = 0;  // inputs of the row
  std::size_t num_out = 0;  // outputs of the row

  std::vector<Shape> input_shapes() const {
    std::vector<Shape> shapes;
    for (const Input& input : function.inputs()) shapes.push_back(input.shape);
    return shapes;
  }
  std::size_t output_size(std::size_t output) const {
    return static_cast<std::size_t>(function.output_shape(output).size());
  }
};

/// The function for a tile, in which what all samples share is so.
template <class T>
internal::TileFunction<T> lower_row(const RowFunction& row, const TileOpContext& context) {
  std::vector<Input> inputs = row.function.inputs();
  for (std::size_t i = row.num_row; i < inputs.size(); ++i)
    inputs[i].kind = context.operand_is_shared[i] ? InputKind::kShared : InputKind::kSample;
  return internal::TileFunction<T>(Function(row.function.nodes(), std::move(inputs), row.function.outputs()),
                                   context.lanes);
}

template <class T>
struct RowState : TileOpState {
  internal::TileWorkspace<T> workspace;
  internal::AlignedVector<T> shared, saved;
  std::vector<internal::AlignedVector<T>> spread;  // an operand's row that all samples share
  std::vector<internal::AlignedVector<T>> terms;   // of a row, to be summed
  std::vector<const T*> inputs;
  std::vector<T*> outputs;
};

template <class T>
class MapRowsOp : public TileOp<T> {
 public:
  MapRowsOp(RowFunction row, const TileOpContext& context)
      : row_(std::move(row)), context_(context), function_(lower_row<T>(row_, context)) {}

  std::unique_ptr<TileOpState> make_state() const override {
    auto state = std::make_unique<RowState<T>>();
    state->workspace = function_.make_workspace();
    state->shared.resize(function_.shared_size());
    state->saved.resize(function_.saved_size());
    const auto shapes = row_.input_shapes();
    for (std::size_t i = 0; i < row_.num_row; ++i)
      state->spread.emplace_back(
          context_.operand_is_shared[i] ? static_cast<std::size_t>(shapes[i].size()) * context_.lanes : 0);
    const std::size_t num_outputs = row_.function.outputs().size();
    for (std::size_t i = row_.num_out; i < num_outputs; ++i)
      state->terms.emplace_back(row_.output_size(i) * context_.lanes);
    state->inputs.resize(shapes.size());
    state->outputs.resize(num_outputs);
    return state;
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<RowState<T>&>(*run.state);
    std::copy(run.operands.begin(), run.operands.end(), state.inputs.begin());
    function_.prepare(state.inputs, state.shared.data());
    const auto num_rows = static_cast<std::size_t>(context_.operand_shapes[0][0]);
    for (std::size_t row = 0; row < num_rows; ++row) {
      load_row(run, row, state);
      bind_outputs(row, num_rows, out, state);
      function_.run(internal::Phase::kForward, {.inputs = state.inputs,
                                                .outputs = state.outputs,
                                                .shared = state.shared.data(),
                                                .saved = state.saved.data(),
                                                .workspace = &state.workspace,
                                                .num_samples = run.num_samples});
      add_terms(row == 0, num_rows, out, state);
    }
  }

 private:
  std::size_t lanes() const { return context_.lanes; }

  void load_row(const TileOpRun<T>& run, std::size_t row, RowState<T>& state) const {
    for (std::size_t i = 0; i < row_.num_row; ++i) {
      const auto size = static_cast<std::size_t>(row_.function.inputs()[i].shape.size());
      const T* from = run.operands[i] + row * size * (context_.operand_is_shared[i] ? 1 : lanes());
      state.inputs[i] = from;
      if (!context_.operand_is_shared[i]) continue;
      for (std::size_t k = 0; k < size; ++k) std::fill_n(state.spread[i].data() + k * lanes(), lanes(), from[k]);
      state.inputs[i] = state.spread[i].data();
    }
  }

  /// Each output of rows has all of them one behind the other; behind these are the sums.
  void bind_outputs(std::size_t row, std::size_t num_rows, T* out, RowState<T>& state) const {
    for (std::size_t i = 0; i < row_.num_out; ++i) {
      const std::size_t size = row_.output_size(i) * lanes();
      state.outputs[i] = out + row * size;
      out += num_rows * size;
    }
    for (std::size_t i = 0; i < state.terms.size(); ++i) state.outputs[row_.num_out + i] = state.terms[i].data();
  }

  void add_terms(bool is_first, std::size_t num_rows, T* out, const RowState<T>& state) const {
    for (std::size_t i = 0; i < row_.num_out; ++i) out += num_rows * row_.output_size(i) * lanes();
    for (const auto& terms : state.terms) {
      for (std::size_t k = 0; k < terms.size(); ++k) out[k] = is_first ? terms[k] : out[k] + terms[k];
      out += terms.size();
    }
  }

  RowFunction row_;
  TileOpContext context_;
  internal::TileFunction<T> function_;
};

/// Operands: arrays of rows, then what all rows read. Result: all outputs of rows, then the sums, one behind the other.
class MapRows : public LoweredBy<MapRows> {
 public:
  explicit MapRows(RowFunction row) : row_(std::move(row)) {}

  /// The outputs for operands, each in its shape.
  static std::vector<Array> apply_to(RowFunction row, std::span<const Array> operands, std::source_location where) {
    const auto extension = std::make_shared<MapRows>(std::move(row));
    return extension->unpack(costate::apply(extension, operands, where), operands[0].shape()[0]);
  }

  std::string name() const override { return "map_rows"; }

  Shape infer_shape(std::span<const Shape> operands) const override {
    const std::vector<Shape> shapes = row_.input_shapes();
    const std::int64_t num_rows = operands[0][0];
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const Shape expected = i < row_.num_row ? shapes[i].with_first(num_rows) : shapes[i];
      if (!(operands[i] == expected))
        throw ShapeError("[map_rows] operand ", i, " must have shape ", expected, "; got ", operands[i], ".");
    }
    std::int64_t size = 0;
    for (std::size_t i = 0; i < row_.function.outputs().size(); ++i)
      size += row_.function.output_shape(i).size() * (i < row_.num_out ? num_rows : 1);
    return Shape{size};
  }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    const std::vector<Shape> shapes = row_.input_shapes();
    const std::size_t num_rows = operands[0].size() / static_cast<std::size_t>(shapes[0].size());
    std::vector<std::vector<double>> outputs(row_.function.outputs().size());
    for (std::size_t row = 0; row < num_rows; ++row) {
      std::vector<HostArray> inputs;
      for (std::size_t i = 0; i < shapes.size(); ++i) {
        const auto size = static_cast<std::ptrdiff_t>(shapes[i].size());
        const auto begin = operands[i].begin() + (i < row_.num_row ? static_cast<std::ptrdiff_t>(row) * size : 0);
        inputs.emplace_back(shapes[i], std::vector<double>(begin, begin + size));
      }
      const std::vector<HostArray> found = costate::interpret(row_.function, inputs);
      for (std::size_t i = 0; i < found.size(); ++i) {
        const std::vector<double> numbers = found[i].numbers();
        if (i < row_.num_out || row == 0)
          outputs[i].insert(outputs[i].end(), numbers.begin(), numbers.end());
        else
          std::transform(numbers.begin(), numbers.end(), outputs[i].begin(), outputs[i].begin(), std::plus<>());
      }
    }
    std::vector<double> all;
    for (const auto& output : outputs) all.insert(all.end(), output.begin(), output.end());
    return all;
  }

  /// Row by row as well: a row's cotangents come from those of its outputs, and of the sums.
  std::vector<Array> vjp(std::span<const Array> operands, const Array&, const Array& cotangent,
                         const std::vector<bool>& wanted) const override {
    const std::vector<std::size_t> positions = positions_of(wanted);
    const Function reverse = costate::vjp(row_.function, positions);
    const std::vector<Array> given = unpack(cotangent, operands[0].shape()[0]);
    std::vector<Array> cotangents(operands.size());
    const auto of_rows = std::ranges::count_if(positions, [&](std::size_t i) { return i < row_.num_row; });
    const std::vector<Array> found =
        apply_derivative(reverse, operands, given, {row_.num_out, static_cast<std::size_t>(of_rows)});
    for (std::size_t i = 0; i < positions.size(); ++i) cotangents[positions[i]] = found[i];
    return cotangents;
  }

  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    std::vector<bool> moved;
    std::vector<Array> given;
    std::size_t num_of_rows = 0;
    for (std::size_t i = 0; i < tangents.size(); ++i) {
      moved.push_back(!tangents[i].is_empty());
      if (!moved.back()) continue;
      given.push_back(tangents[i]);
      num_of_rows += i < row_.num_row ? 1 : 0;
    }
    const Function forward = costate::jvp(row_.function, positions_of(moved));
    std::vector<Array> flat;
    for (const Array& output : apply_derivative(forward, operands, given, {num_of_rows, row_.num_out}))
      flat.push_back(reshape(output, {output.shape().size()}));
    return reshape(concat(flat), result.shape());
  }

  std::shared_ptr<const Extension> tightened() const override {
    const auto& nodes = row_.function.nodes();
    const bool approximates =
        std::ranges::any_of(nodes, [](const Node& node) { return node.extension && node.extension->tightened(); });
    if (!approximates) return nullptr;
    return std::make_shared<MapRows>(RowFunction{tighten(row_.function), row_.num_row, row_.num_out});
  }
  std::int64_t largest_image() const override {
    return static_cast<std::int64_t>(internal::largest_image(row_.function));
  }
  bool equals(const Extension& other) const override {
    const auto* rows = dynamic_cast<const MapRows*>(&other);
    return rows != nullptr && rows->row_.function == row_.function && rows->row_.num_row == row_.num_row;
  }
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<MapRowsOp<T>>(row_, context);
  }

 private:
  static std::vector<std::size_t> positions_of(const std::vector<bool>& wanted) {
    std::vector<std::size_t> positions;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i]) positions.push_back(i);
    return positions;
  }

  std::vector<Array> unpack(const Array& result, std::int64_t num_rows) const {
    std::vector<Array> outputs;
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < row_.function.outputs().size(); ++i) {
      const Shape& one = row_.function.output_shape(i);
      const Shape shape = i < row_.num_out ? one.with_first(num_rows) : one;
      outputs.push_back(reshape(result.slice(offset, offset + shape.size()), shape));
      offset += shape.size();
    }
    return outputs;
  }

  /// How many of what a derivative is given, and of what it gives, are of rows: the first ones.
  struct OfRows {
    std::size_t given = 0, found = 0;
  };

  /// What `derivative`, a vjp or jvp of the function, gives behind the function's outputs. It takes `given` behind the
  /// function's inputs.
  std::vector<Array> apply_derivative(const Function& derivative, std::span<const Array> operands,
                                      std::span<const Array> given, OfRows of_rows) const {
    const std::size_t num_inputs = operands.size();
    std::vector<std::size_t> order;  // of the derivative's inputs, those of rows first
    const auto append = [&](std::size_t first, std::size_t end) {
      for (std::size_t i = first; i < end; ++i) order.push_back(i);
    };
    append(0, row_.num_row);
    append(num_inputs, num_inputs + of_rows.given);
    const std::size_t num_row = order.size();
    append(row_.num_row, num_inputs);
    append(num_inputs + of_rows.given, num_inputs + given.size());
    std::vector<ArgumentSpec> inputs;
    std::vector<Array> arrays;
    for (const std::size_t i : order) {
      inputs.push_back({derivative.inputs()[i].name, derivative.inputs()[i].shape});
      arrays.push_back(i < num_inputs ? operands[i] : given[i - num_inputs]);
    }
    const Function ordered = trace_list(inputs, [&](std::span<const Array> in) {
      std::vector<Array> all(in.size());
      for (std::size_t i = 0; i < in.size(); ++i) all[order[i]] = in[i];
      const std::vector<Array> out = internal::inline_function(derivative, all);
      return std::vector<Array>(out.begin() + static_cast<std::ptrdiff_t>(row_.function.outputs().size()), out.end());
    });
    return apply_to({simplify(ordered), num_row, of_rows.found}, arrays, std::source_location::current());
  }

  RowFunction row_;
};

}  // namespace

Array map_rows(const std::function<Array(std::span<const Array>)>& f, std::span<const Array> rows,
               std::source_location where) {
  if (rows.empty()) throw InvalidArgument("[map_rows] needs at least one array of rows; got none.");
  std::vector<ArgumentSpec> inputs;
  for (const Array& array : rows) {
    const Shape& shape = array.shape();
    if (shape.rank() == 0 || shape[0] == 0 || rows[0].shape().rank() == 0 || shape[0] != rows[0].shape()[0])
      throw ShapeError("[map_rows] all arrays must have the same number of rows, at least one; got shapes ",
                       rows[0].shape(), " and ", shape, ".");
    inputs.push_back({"row" + std::to_string(inputs.size()), shape.without_first()});
  }
  internal::CapturingFunction traced =
      internal::trace_capturing(inputs, [&](std::span<const Array> in) { return std::vector<Array>{f(in)}; });
  const Function function = simplify(traced.function);
  std::vector<Array> operands(rows.begin(), rows.end());
  operands.insert(operands.end(), traced.captured.begin(), traced.captured.end());
  std::vector<Input> all = function.inputs();
  for (Input& input : all) {
    if (input.parameter) operands.emplace_back(*input.parameter);
    input.parameter = nullptr;
    input.kind = InputKind::kSample;  // derivatives of what samples share are summed by who takes them
  }
  return MapRows::apply_to({Function(function.nodes(), std::move(all), function.outputs()), rows.size(), 1}, operands,
                           where)[0];
}

}  // namespace costate

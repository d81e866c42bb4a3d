#include "costate/codegen/internal/straight_line.h"

#include <algorithm>
#include <map>

#include "costate/base/error.h"
#include "costate/exec/internal/tile_function.h"
#include "costate/graph/internal/composed_pools.h"
#include "costate/graph/internal/empty_function.h"
#include "costate/graph/simplify.h"

namespace costate::internal {
namespace {

/// The same computation for one sample by itself: only Parameters are shared, and sums over the batch have one term.
/// Targets need no form for pools.
Function of_one_sample(const Function& function) {
  refuse_empty(function, "export");
  std::vector<Input> inputs = function.inputs();
  std::vector<Output> outputs = function.outputs();
  for (Input& input : inputs)
    if (!input.parameter) input.kind = InputKind::kSample;
  for (Output& output : outputs) output.kind = OutputKind::kSample;
  return simplify(compose_pools(Function(function.nodes(), std::move(inputs), std::move(outputs))));
}

/// Numbers of Parameters as the program has them; nothing for other inputs.
template <class T>
std::vector<std::vector<T>> parameter_numbers(const Function& function) {
  std::vector<std::vector<T>> all;
  for (const Input& input : function.inputs()) {
    std::vector<T>& numbers = all.emplace_back();
    if (!input.parameter) continue;
    for (const double number : input.parameter->value().numbers()) numbers.push_back(static_cast<T>(number));
  }
  return all;
}

/// What lanes share: by Slot::region kInput (of a Parameter) and kShared.
struct SharedNumbers {
  std::vector<std::vector<double>> parameters;  // by input
  std::vector<double> prepared;
};

template <class T>
SharedNumbers shared_numbers(const Function& function) {
  const TileFunction<T> tile(function, 1);
  const std::vector<std::vector<T>> parameters = parameter_numbers<T>(function);
  std::vector<const T*> inputs;
  for (const std::vector<T>& numbers : parameters) inputs.push_back(numbers.empty() ? nullptr : numbers.data());
  std::vector<T> shared(tile.shared_size());
  tile.prepare(inputs, shared.data());
  SharedNumbers all{.parameters = {}, .prepared = {shared.begin(), shared.end()}};
  for (const std::vector<T>& numbers : parameters) all.parameters.emplace_back(numbers.begin(), numbers.end());
  return all;
}

class LineBuilder {
 public:
  LineBuilder(Function function, Dtype dtype)
      : plan_(lower(function, {.lanes = 1, .late_inputs = {}})),
        shared_(dtype == Dtype::kF32 ? shared_numbers<float>(function) : shared_numbers<double>(function)) {
    line_.function = std::move(function);
    line_.scratch_size = plan_.scratch_size;
  }

  StraightLine build() {
    name_prepared();
    for (const Input& input : line_.function.inputs()) {
      input_values_.push_back(line_.values.size());
      if (input.parameter) continue;
      line_.values.push_back({.kind = LineValue::Kind::kInput,
                              .name = input.name,
                              .rows = static_cast<std::size_t>(input.shape.size()),
                              .input = line_.inputs.size(),
                              .numbers = {},
                              .place = {}});
      line_.inputs.push_back({input.name, input.shape});
    }
    for (const Instruction& instruction : plan_.in(Phase::kForward)) add(instruction);
    for (std::size_t i = 0; i < line_.function.outputs().size(); ++i) {
      line_.outputs.push_back({line_.function.outputs()[i].name, line_.function.output_shape(i)});
      line_.results.push_back({read({Region::kOutput, static_cast<std::int32_t>(i), 0}, plan_.output_rows[i]), false});
    }
    return std::move(line_);
  }

 private:
  using Places = std::map<std::size_t, Piece>;  // by the first number that they cover; they do not overlap

  const Input& input_at(std::int32_t index) const { return line_.function.inputs()[static_cast<std::size_t>(index)]; }

  /// A transposed or packed matrix has the name of its Parameter.
  void name_prepared() {
    for (const Instruction& instruction : plan_.prepare) {
      const bool moves = instruction.kind == InstructionKind::kGather && instruction.sources.size() == 1;
      if (!moves || instruction.sources[0].slot.region != Region::kInput) continue;
      const Input& input = input_at(instruction.sources[0].slot.index);
      if (input.parameter) prepared_names_[instruction.out.offset] = input.parameter->name() + "_by_input";
    }
  }

  void add(const Instruction& instruction) {
    LineStatement statement{.instruction = instruction, .readings = {}};
    for (const Source& source : instruction.sources) {
      const bool is_scalar = source.motion == Motion::kLane || source.motion == Motion::kScalar;
      statement.readings.push_back({read(source.slot, is_scalar ? 1 : source.rows), is_scalar});
    }
    statement.value = line_.values.size();
    line_.values.push_back({.kind = LineValue::Kind::kComputed,
                            .name = "",
                            .rows = instruction.rows,
                            .input = 0,
                            .numbers = {},
                            .place = instruction.out});
    define(places_of(instruction.out), instruction.out.offset, {statement.value, 0, instruction.rows});
    line_.statements.push_back(std::move(statement));
  }

  Places& places_of(const Slot& slot) {
    return places_[{slot.region, slot.region == Region::kOutput ? slot.index : 0}];
  }

  /// Takes the place of what stood there.
  static void define(Places& places, std::size_t begin, const Piece& piece) {
    const std::size_t end = begin + piece.rows;
    Places kept;
    for (const auto& [first, old] : places) {
      const std::size_t last = first + old.rows;
      if (first < begin && last > first) {
        const std::size_t rows = std::min(last, begin) - first;
        kept[first] = {old.value, old.first, rows};
      }
      if (last > end) {
        const std::size_t from = std::max(first, end);
        kept[from] = {old.value, old.first + (from - first), last - from};
      }
    }
    if (piece.rows > 0) kept[begin] = piece;
    places = std::move(kept);
  }

  std::vector<Piece> read(const Slot& slot, std::size_t rows) {
    if (slot.region == Region::kShared)
      return numbers_from(shared_.prepared, slot.offset, rows, prepared_names_[slot.offset]);
    if (slot.region == Region::kInput) {
      const Input& input = input_at(slot.index);
      const auto index = static_cast<std::size_t>(slot.index);
      if (input.parameter) return numbers_from(shared_.parameters[index], slot.offset, rows, input.parameter->name());
      return {{input_values_[index], slot.offset, rows}};
    }
    std::vector<Piece> pieces;
    std::size_t at = slot.offset;
    const std::size_t end = at + rows;
    for (const auto& [first, piece] : places_of(slot)) {
      const std::size_t last = first + piece.rows;
      if (first > at || last <= at || at >= end) continue;
      const std::size_t count = std::min(last, end) - at;
      pieces.push_back({piece.value, piece.first + (at - first), count});
      at += count;
    }
    COSTATE_CHECK(at == end, "a statement reads what none has computed: ", to_string(slot));
    return pieces;
  }

  /// As one value, the same for all that read them.
  std::vector<Piece> numbers_from(const std::vector<double>& all, std::size_t offset, std::size_t rows,
                                  const std::string& name) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(offset);
    std::vector<double> numbers(first, first + static_cast<std::ptrdiff_t>(rows));
    for (std::size_t i = 0; i < line_.values.size(); ++i)
      if (const LineValue& value = line_.values[i];
          value.kind == LineValue::Kind::kNumbers && value.name == name && value.numbers == numbers)
        return {{i, 0, rows}};
    line_.values.push_back({.kind = LineValue::Kind::kNumbers,
                            .name = name,
                            .rows = rows,
                            .input = 0,
                            .numbers = std::move(numbers),
                            .place = {}});
    return {{line_.values.size() - 1, 0, rows}};
  }

  const Plan plan_;
  SharedNumbers shared_;
  std::map<std::pair<Region, std::int32_t>, Places> places_;
  std::map<std::size_t, std::string> prepared_names_;  // by where they start
  std::vector<std::size_t> input_values_;
  StraightLine line_;
};

}  // namespace

StraightLine straight_line(const Function& function, Dtype dtype) {
  return LineBuilder(of_one_sample(function), dtype).build();
}

}  // namespace costate::internal

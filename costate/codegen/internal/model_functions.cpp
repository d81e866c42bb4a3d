#include "costate/codegen/internal/model_functions.h"

#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/codegen/internal/model_values.h"
#include "costate/diff/diff.h"
#include "costate/series/internal/count.h"
#include "costate/series/internal/vector_of.h"

namespace costate::internal {
namespace {

std::int64_t num_covariates(const SeriesModel& model) { return count_of(model.covariate_names().size()); }

std::vector<ArgumentSpec> covariate_argument(const SeriesModel& model) {
  if (num_covariates(model) == 0) return {};
  return {{"c", {num_covariates(model)}}};
}

/// The model's inputs in a trace in the data's units, and its field there in normalized ones.
class DataUnits {
 public:
  explicit DataUnits(const SeriesModel& model) : model_(model) {
    if (model.has_events())
      throw NotSupported("[export] a model with events cannot be exported to this target; 'c' and 'python' take it.");
  }

  bool has_inputs() const { return !model_.input_names().empty(); }
  bool has_clocks() const { return !model_.options().periods.empty(); }

  /// Behind the state: phases of the clocks, inputs of a shape, covariates.
  std::vector<ArgumentSpec> arguments(const Shape& inputs) const {
    std::vector<ArgumentSpec> arguments;
    if (has_clocks()) arguments.push_back({kClockPhases, {count_of(model_.options().periods.size())}});
    if (has_inputs()) arguments.push_back({"inputs", inputs});
    if (num_covariates(model_) > 0) arguments.push_back({"covariates", {num_covariates(model_)}});
    return arguments;
  }

  /// Takes what `arguments` lists.
  void read(std::span<const Array> in) {
    if (has_clocks()) {
      phases_ = in[0];
      in = in.subspan(1);
    }
    const Normalization& units = model_.normalization();
    if (has_inputs()) {
      inputs_ = (in[0] - vector_of(units.input_offset)) / vector_of(units.input_scale);
      in = in.subspan(1);
    }
    if (!in.empty()) covariates_ = (in[0] - vector_of(units.covariate_offset)) / vector_of(units.covariate_scale);
  }
  const Array& inputs() const { return inputs_; }

  Array normalized(const Array& state) const { return (state - offset()) / scale(); }
  Array in_data_units(const Array& z) const { return offset() + scale() * z; }
  Array scale() const { return for_each_state(model_.normalization().state_scale, 1); }
  Array rate(const Array& t, const Array& y, const Array& inputs) const {
    return model_.rate_at(t, y, {.inputs = inputs, .covariates = covariates_, .phases = phases_});
  }

 private:
  Array offset() const { return for_each_state(model_.normalization().state_offset, 0); }
  Array for_each_state(std::vector<double> numbers, double of_hidden) const {
    numbers.resize(model_.num_states(), of_hidden);
    return vector_of(numbers);
  }

  const SeriesModel& model_;
  Array inputs_, covariates_, phases_;
};

/// Inputs at the node c of a step between the rows k and k + 1 of a table.
Array inputs_in_step(const SeriesModel& model, const Array& table, std::int64_t k, double node) {
  if (table.is_empty()) return {};
  if (model.options().interpolation == Interpolation::kHold || node == 0) return table[k];
  return node == 1 ? table[k + 1] : (1 - node) * table[k] + node * table[k + 1];
}

}  // namespace

Function model_rate(const SeriesModel& model) {
  DataUnits units(model);
  std::vector<ArgumentSpec> arguments = {{"state", {count_of(model.num_states())}}};
  for (ArgumentSpec& more : units.arguments({count_of(model.input_names().size())}))
    arguments.push_back(std::move(more));
  return trace_list(arguments, [&](std::span<const Array> in) {
    units.read(in.subspan(1));
    const Array slope = units.rate(constant(0.0), units.normalized(in[0]), units.inputs());
    return std::vector<Array>{slope * units.scale() / model.normalization().time_scale};
  });
}

Function model_steps(const SeriesModel& model, std::int64_t steps) {
  DataUnits units(model);
  if (units.has_inputs() && model.options().interpolation == Interpolation::kCubic)
    throw NotSupported("[export] a model whose inputs run on cubics has no unrolled solve; 'c' and 'python' have one.");
  const Tableau& method = exported_method(model);
  std::vector<ArgumentSpec> arguments = {{"state", {count_of(model.num_states())}}, {"step", {}}};
  for (ArgumentSpec& more : units.arguments({steps + 1, count_of(model.input_names().size())}))
    arguments.push_back(std::move(more));
  return trace_list(arguments, [&](std::span<const Array> in) {
    units.read(in.subspan(2));
    const Array h = in[1] / model.normalization().time_scale;
    Array y = units.normalized(in[0]);
    std::vector<Array> states = {in[0]};
    for (std::int64_t k = 0; k < steps; ++k) {
      std::vector<Array> slopes;
      const auto combined = [&](std::span<const double> weights) {
        Array sum;
        for (std::size_t j = 0; j < slopes.size(); ++j)
          if (weights[j] != 0) sum = sum.is_empty() ? weights[j] * slopes[j] : sum + weights[j] * slopes[j];
        return sum.is_empty() ? y : y + h * sum;
      };
      for (int stage = 0; stage + 1 < method.num_stages; ++stage) {
        const double node = method.c[static_cast<std::size_t>(stage)];
        slopes.push_back(units.rate(h * (static_cast<double>(k) + node), combined(method.a_row(stage)),
                                    inputs_in_step(model, units.inputs(), k, node)));
      }
      y = combined(method.b);
      states.push_back(units.in_data_units(y));
    }
    return std::vector<Array>{stack(states)};
  });
}

bool has_hidden_states(const SeriesModel& model) { return model.num_states() > model.num_measured(); }

Function model_field(const SeriesModel& model) {
  const std::int64_t states = count_of(model.num_states()), inputs = count_of(model.input_names().size());
  const std::int64_t periods = count_of(model.options().periods.size());
  std::vector<ArgumentSpec> arguments = {{"t", {}}, {"y", {states}}};
  if (inputs > 0) arguments.push_back({"u", {inputs}});
  if (model.has_events()) arguments.insert(arguments.end(), {{"moved", {states}}, {"rates", {states}}});
  for (ArgumentSpec& argument : covariate_argument(model)) arguments.push_back(std::move(argument));
  if (periods > 0) arguments.push_back({"phases", {periods}});
  return trace_list(arguments, [&](std::span<const Array> in) {
    SeriesModel::Drive drive;
    std::size_t next = 2;
    if (inputs > 0) drive.inputs = in[next++];
    if (model.has_events()) {
      drive.moved = in[next++];
      drive.rates = in[next++];
    }
    if (num_covariates(model) > 0) drive.covariates = in[next++];
    if (periods > 0) drive.phases = in[next];
    return std::vector<Array>{model.rate_at(in[0], in[1], drive)};
  });
}

Function model_field_vjp(const SeriesModel& model) {
  std::vector<std::size_t> wanted = {1};
  if (!model.input_names().empty()) wanted.push_back(2);
  return vjp(model_field(model), wanted);
}

Function model_start(const SeriesModel& model) {
  const std::int64_t measured = count_of(model.num_measured());
  std::vector<ArgumentSpec> arguments = {{"measured", {measured}}, {"unmeasured", {measured}}};
  for (ArgumentSpec& argument : covariate_argument(model)) arguments.push_back(std::move(argument));
  return trace_list(arguments, [&](std::span<const Array> in) {
    const Array covariates = num_covariates(model) > 0 ? in[2] : Array();
    const Array all = model.knows_unmeasured_starts() ? model.measured_start(in[0], in[1], covariates) : in[0];
    if (!has_hidden_states(model)) return std::vector<Array>{all};
    return std::vector<Array>{concat({all, model.hidden_start(all, covariates)})};
  });
}

Function model_response(const SeriesModel& model) {
  const std::int64_t events = count_of(model.event_names().size());
  HostArray each(Shape{events, events});
  for (std::int64_t i = 0; i < events; ++i) each.set({i, i}, 1);
  return trace_list(covariate_argument(model), [&](std::span<const Array> in) {
    return std::vector<Array>{model.moves(constant(each), in.empty() ? Array() : in[0])};
  });
}

}  // namespace costate::internal

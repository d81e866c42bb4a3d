#include "costate/codegen/internal/model_functions.h"

#include <vector>

#include "costate/diff/diff.h"
#include "costate/series/internal/count.h"

namespace costate::internal {
namespace {

std::int64_t num_covariates(const SeriesModel& model) { return count_of(model.covariate_names().size()); }

std::vector<ArgumentSpec> covariate_argument(const SeriesModel& model) {
  if (num_covariates(model) == 0) return {};
  return {{"c", {num_covariates(model)}}};
}

}  // namespace

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

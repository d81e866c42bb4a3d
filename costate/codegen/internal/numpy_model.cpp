// A fitted model as a Python module that needs NumPy alone: generated functions of the model, and the fixed text of
// python/model.inc.
#include <algorithm>

#include "costate/codegen/export_model.h"
#include "costate/codegen/internal/model_functions.h"
#include "costate/codegen/internal/model_values.h"
#include "costate/codegen/internal/numpy_function.h"
#include "costate/source/internal/c_text.h"

namespace costate {
namespace {

constexpr std::string_view kNumpyText =
#include "costate/codegen/internal/python/model.inc"
    ;

class NumpyModelWriter {
 public:
  NumpyModelWriter(const SeriesModel& model, Dtype dtype) : model_(model), dtype_(dtype) {}

  std::string write() {
    internal::TemplateValues values;
    internal::describe_model(
        model_, [](double value) { return internal::c_number(value, Dtype::kF64); }, values);
    set_arguments(values);
    const auto parts = internal::split_parts(internal::fill_in(kNumpyText, values));
    add("_field", "The field, in normalized units.", internal::model_field(model_));
    if (values.conditions.contains("starts"))
      add("_normalized_start", "The whole state where a trajectory starts.", internal::model_start(model_));
    if (model_.has_events())
      add("_response", "How an amount of 1 of each kind of event moves each state.", internal::model_response(model_));
    const std::string heading = internal::python_escaped(internal::about_model(model_));
    return text::concat("\"\"\"", heading, "\nNeeds NumPy.\n\"\"\"\n\nimport math\n\nimport numpy as np\n\n_TYPE = np.",
                        dtype_ == Dtype::kF32 ? "float32" : "float64", "\n", units(), method(), constants_.text,
                        parts.at("functions").text, functions_, parts.at("model").text);
  }

 private:
  void add(const char* name, const char* about, const Function& function) {
    functions_ += internal::numpy_function(name, about, internal::straight_line(function, dtype_), constants_);
  }

  void set_arguments(internal::TemplateValues& values) const {
    const bool has_inputs = values.conditions.contains("inputs"), has_events = values.conditions.contains("events");
    const bool has_covariates = values.conditions.contains("covariates"),
               has_phases = values.conditions.contains("phases");
    const auto known = [](bool holds, const char* text) { return holds ? std::string(text) : std::string(); };
    std::vector<std::string> names;
    if (has_inputs) names.insert(names.end(), {"\"input_times\"", "\"inputs\""});
    if (has_covariates) names.push_back("\"covariates\"");
    if (has_events) names.push_back("\"events\"");
    auto& texts = values.values;
    texts["drive_names"] = text::join(names);
    texts["events_optional"] = known(has_events, " and name != \"events\"");
    texts["or_hold"] = known(model_.options().interpolation == Interpolation::kHold, " or True");
    texts["field_arguments"] =
        known(has_inputs, ", self.inputs_at(t)") +
        known(has_events, ", self.moved(lambda x: (x - self.origin) / TIME_SCALE <= t), self.rates(t)") +
        known(has_covariates, ", self.covariates") + known(has_phases, ", self.phases");
    texts["response_arguments"] = known(has_covariates, "self.covariates");
    texts["covariates_parameter"] = known(has_covariates, ", covariates");
    texts["start_arguments"] =
        known(has_covariates, ", (np.asarray(covariates, _TYPE) - _COVARIATE_OFFSET) / _COVARIATE_SCALE");
    texts["drive_note"] = names.empty() ? "" : " It is driven by " + drive_text(has_inputs, has_covariates, has_events);
  }

  static std::string drive_text(bool has_inputs, bool has_covariates, bool has_events) {
    std::vector<std::string> parts;
    if (has_inputs) parts.push_back("input_times [n] and inputs [n, input]");
    if (has_covariates) parts.push_back("covariates [covariate]");
    if (has_events) parts.push_back("events, a list of (time, kind, amount, duration)");
    return text::join(parts, "; ") + ".";
  }

  static std::string array(const char* name, std::span<const double> numbers) {
    return text::concat(name, " = np.array(", internal::python_list(numbers), ")\n");
  }

  std::string units() const {
    const Normalization& u = model_.normalization();
    std::string text =
        text::concat("MEASURED = ", model_.num_measured(), "\nSTATES = ", model_.num_states(),
                     "\nTIME_SCALE = ", internal::c_number(u.time_scale, Dtype::kF64),
                     "\n_LONGEST_STEP = ", internal::c_number(model_.longest_step() / u.time_scale, Dtype::kF64), "\n");
    text += array("_STATE_OFFSET", u.state_offset) + array("_STATE_SCALE", u.state_scale);
    if (!u.input_scale.empty()) text += array("_INPUT_OFFSET", u.input_offset) + array("_INPUT_SCALE", u.input_scale);
    if (!u.covariate_scale.empty())
      text += array("_COVARIATE_OFFSET", u.covariate_offset) + array("_COVARIATE_SCALE", u.covariate_scale);
    if (!u.event_scale.empty()) text += array("_EVENT_SCALE", u.event_scale);
    if (!model_.options().periods.empty()) text += array("_PERIODS", model_.options().periods);
    std::vector<std::string> may;
    for (std::size_t k = 0; k < model_.num_measured(); ++k)
      may.push_back(model_.knows_unmeasured_starts() && model_.may_be_unmeasured(k) ? "True" : "False");
    return text + "_MAY_BE_UNMEASURED = np.array([" + text::join(may) + "])\n";
  }

  std::string method() const {
    const Tableau& method = internal::exported_method(model_);
    std::string text =
        text::concat("_STAGES = ", method.num_stages, "\n_ALL_STAGES = ", method.num_all_stages(), "\n") +
        array("_C", method.c) + "_A = [\n";
    for (int stage = 0; stage < method.num_all_stages(); ++stage)
      text += "    np.array(" + internal::python_list(method.a_row(stage)) + "),\n";
    text += "]\n" + array("_B", method.b);
    if (!method.has_error_estimate()) return text;
    text += array("_E", method.e);
    if (method.has_second_companion()) text += array("_E_LOW", method.e_low);
    return text + text::concat("_DENSE = np.array(", internal::python_list(method.dense), ").reshape(_ALL_STAGES, ",
                               method.dense_degree, ")\n");
  }

  const SeriesModel& model_;
  Dtype dtype_;
  internal::NumpyConstants constants_;
  std::string functions_;
};

}  // namespace

std::string export_numpy(const SeriesModel& model, Dtype dtype) { return NumpyModelWriter(model, dtype).write(); }

}  // namespace costate

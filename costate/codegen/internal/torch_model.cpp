// A fitted model as a PyTorch module: its layers by the names that its parameters have, in the fixed text of
// python/torch.inc.
#include <algorithm>

#include "costate/base/error.h"
#include "costate/codegen/export_model.h"
#include "costate/codegen/internal/model_values.h"
#include "costate/codegen/internal/numpy_function.h"
#include "costate/series/internal/model_numbers.h"
#include "costate/source/internal/c_text.h"
#include "costate/source/internal/made_by.h"

namespace costate {
namespace {

constexpr std::string_view kTorchText =
#include "costate/codegen/internal/python/torch.inc"
    ;
constexpr std::string_view kLayers[] = {"net.", "linear.", "start."};

std::string torch_activation(Activation activation) {
  switch (activation) {
    case Activation::kIdentity:
      return "nn.Identity()";
    case Activation::kTanh:
      return "torch.tanh";
    case Activation::kRelu:
      return "torch.relu";
    case Activation::kSigmoid:
      return "torch.sigmoid";
    case Activation::kSoftplus:
      return "nn.Softplus(threshold=40)";  // the default gives x above 20
    case Activation::kElu:
      return "nn.ELU()";
    case Activation::kGelu:
      return "nn.GELU()";
    case Activation::kSilu:
      return "nn.SiLU()";
    case Activation::kSin:
      return "torch.sin";
  }
  throw InternalError("[export] no such activation.");
}

class TorchWriter {
 public:
  TorchWriter(const SeriesModel& model, Dtype dtype) : model_(model), dtype_(dtype) {}

  ArrayFile weights() const {
    ArrayFile file;
    for (const Parameter& parameter : model_.parameters())
      if (std::ranges::any_of(kLayers, [&](std::string_view layer) { return parameter.name().starts_with(layer); }))
        file.arrays.emplace(parameter.name(), parameter.value());
    file.metadata["about"] = internal::made_by();
    return file;
  }

  std::string module(const std::string& weights_file) const {
    internal::TemplateValues values;
    internal::describe_model(
        model_, [](double value) { return internal::c_number(value, Dtype::kF64); }, values);
    set_layers(values);
    set_arguments(values);
    set_numbers(values.values);
    values.values["file"] = internal::python_escaped(weights_file);
    values.values["heading"] = internal::python_escaped(internal::about_model(model_));
    return internal::fill_in(kTorchText, values);
  }

 private:
  /// Inputs and outputs of the layers whose names begin so.
  std::vector<std::int64_t> widths_of(const std::string& layers) const {
    std::vector<std::int64_t> widths;
    for (const Parameter& parameter : model_.parameters()) {
      if (!parameter.name().starts_with(layers) || !parameter.name().ends_with(".weight")) continue;
      if (widths.empty()) widths.push_back(parameter.shape()[1]);
      widths.push_back(parameter.shape()[0]);
    }
    return widths;
  }

  void set_layers(internal::TemplateValues& values) const {
    const std::vector<std::int64_t> net = widths_of("net."), linear = widths_of("linear."), start = widths_of("start.");
    if (!net.empty()) values.conditions.insert("net");
    if (!linear.empty()) values.conditions.insert("linear");
    if (!start.empty()) values.conditions.insert("hidden");
    values.values["net_widths"] = text::join(net);
    values.values["features"] = std::to_string(linear.empty() ? net.front() : linear.front());
    values.values["start_features"] = start.empty() ? "0" : std::to_string(start.front());
    values.values["hidden"] = start.empty() ? "0" : std::to_string(start.back());
    values.values["activation"] = torch_activation(model_.options().activation);
  }

  void set_arguments(internal::TemplateValues& values) const {
    const bool has_inputs = values.conditions.contains("inputs");
    const bool has_covariates = values.conditions.contains("covariates");
    const auto known = [](bool holds, const char* text) { return holds ? std::string(text) : std::string(); };
    auto& texts = values.values;
    texts["drive_parameters"] = known(has_inputs, ", inputs") + known(has_covariates, ", covariates");
    if (!texts["drive_parameters"].empty()) texts["drive_parameters"] = ", *" + texts["drive_parameters"];
    texts["drive_arguments"] = known(has_inputs, ", inputs=inputs") + known(has_covariates, ", covariates=covariates");
    texts["covariates_parameter"] = known(has_covariates, ", covariates");
    texts["drive_note"] = known(has_inputs, " Inputs are [..., input] at that time.") +
                          known(has_covariates, " Covariates are [..., covariate].");
    texts["held_note"] = known(has_inputs, " Inputs [..., input] are held all along.");
  }

  void set_numbers(std::map<std::string, std::string>& texts) const {
    const Tableau& method = internal::exported_method(model_);
    const auto stages = static_cast<std::size_t>(method.num_stages) - 1;  // without the closing one
    std::string rows;
    for (std::size_t stage = 0; stage < stages; ++stage)
      rows += "    " + internal::python_list(method.a_row(static_cast<int>(stage))) + ",\n";
    texts["a"] = rows;
    texts["b"] = internal::python_list(method.b.first(stages));
    texts["c"] = internal::python_list(method.c.first(stages));
    texts["harmonics_end"] = std::to_string(internal::kHarmonics + 1);
    texts["periods_list"] = internal::python_list(model_.options().periods);
    texts["torch_dtype"] = dtype_ == Dtype::kF32 ? "float32" : "float64";
    texts["units"] = units();
    std::vector<std::string> example(model_.num_states(), "0.0");
    for (std::size_t k = 0; k < model_.num_measured(); ++k)
      example[k] = text::number(model_.normalization().state_offset[k]);
    texts["example"] = text::join(example);
  }

  std::string units() const {
    const Normalization& u = model_.normalization();
    std::vector<double> offset = u.state_offset, scale = u.state_scale;
    offset.resize(model_.num_states(), 0);
    scale.resize(model_.num_states(), 1);
    std::string text;
    const auto add = [&](const char* name, const std::vector<double>& numbers) {
      if (!numbers.empty()) text += text::concat("    \"", name, "\": ", internal::python_list(numbers), ",\n");
    };
    add("state_offset", offset);
    add("state_scale", scale);
    add("input_offset", u.input_offset);
    add("input_scale", u.input_scale);
    add("covariate_offset", u.covariate_offset);
    add("covariate_scale", u.covariate_scale);
    return text;
  }

  const SeriesModel& model_;
  Dtype dtype_;
};

}  // namespace

TorchExport export_torch(const SeriesModel& model, Dtype dtype, const std::string& weights_file) {
  if (model.has_events())
    throw NotSupported("[export] a model with events cannot be exported to PyTorch; 'c' and 'python' take it.");
  const TorchWriter writer(model, dtype);
  return {.module = writer.module(weights_file), .weights = writer.weights()};
}

}  // namespace costate

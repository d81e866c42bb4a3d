#include "costate/codegen/export_model.h"

#include <algorithm>
#include <iterator>
#include <system_error>

#include "costate/base/error.h"
#include "costate/base/names.h"
#include "costate/codegen/internal/earlier_export.h"
#include "costate/codegen/internal/model_functions.h"
#include "costate/codegen/internal/model_values.h"
#include "costate/io/files.h"
#include "costate/source/internal/c_text.h"

namespace costate {
namespace {

constexpr std::string_view kTargets[] = {"c", "python", "onnx", "torch", "fmu", "fmu3"};
constexpr std::string_view kEndings[] = {".h", ".py", ".onnx", ".py", ".fmu", ".fmu"};

/// What a model is exported to may take the place of an earlier export.
void check_place(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored) || std::filesystem::file_size(path, ignored) == 0) return;
  if (!internal::is_earlier_export(path))
    throw InvalidArgument("[export] '", path.string(),
                          "' is there and no earlier export; choose another file, or remove it.");
}

// Python's keywords, and what the modules import: by these names they could not be imported, or would import
// themselves.
constexpr std::string_view kNotForModules[] = {
    "False", "None",  "True",   "and",      "as",     "assert",  "async",       "await", "break",  "class", "continue",
    "def",   "del",   "elif",   "else",     "except", "finally", "for",         "from",  "global", "if",    "import",
    "in",    "is",    "lambda", "nonlocal", "not",    "or",      "pass",        "raise", "return", "try",   "while",
    "with",  "yield", "json",   "math",     "numpy",  "pathlib", "safetensors", "torch"};

void check_module(const std::filesystem::path& path) {
  if (path.extension() == ".py" && std::ranges::find(kNotForModules, path.stem().string()) != std::end(kNotForModules))
    throw InvalidArgument("[export] no module can be imported by the name '", path.stem().string(),
                          "', which Python or what the module needs has; choose another --prefix, or another file.");
}

}  // namespace

std::string name(ExportTarget target) { return spelling(target, kTargets); }

ExportTarget export_target_from_name(const std::string& name) {
  return from_spelling<ExportTarget>("export", "target", name, kTargets);
}

std::vector<std::string> export_targets() { return {std::begin(kTargets), std::end(kTargets)}; }

std::string prefix_of(const std::filesystem::path& folder) {
  const std::filesystem::path full = std::filesystem::absolute(folder).lexically_normal();
  const std::filesystem::path last = full.has_filename() ? full.filename() : full.parent_path().filename();
  return internal::c_identifier(last.string());
}

std::string default_file(ExportTarget target, const std::string& prefix) { return prefix + spelling(target, kEndings); }

std::string export_onnx(const SeriesModel& model, const ModelExportOptions& options) {
  const TimeScale& scale = model.time_scale();
  OnnxExportOptions onnx{.name = options.c.prefix,
                         .outputs = {options.steps == 0 ? "rate" : "states"},
                         .dtype = options.c.dtype,
                         .metadata = {{"states", internal::list_of_names(model.state_names())},
                                      {"hidden_states", std::to_string(model.num_states() - model.num_measured())},
                                      {"inputs", internal::list_of_names(model.input_names())},
                                      {"covariates", internal::list_of_names(model.covariate_names())},
                                      {"time_unit", scale.unit.empty() ? "of the data" : scale.unit},
                                      {"time_origin", scale.origin},
                                      {"spacing", text::concat(model.spacing())}},
                         .clock = {.phases = internal::kClockPhases, .periods = model.options().periods}};
  if (options.steps == 0) return export_onnx(internal::model_rate(model), onnx);
  onnx.metadata["method"] = std::string(name(model.options().solve.method));
  return export_onnx(internal::model_steps(model, options.steps), onnx);
}

namespace {

/// An option of another target is a mistake, and would be passed over in silence.
void check_options(ExportTarget target, const ModelExportOptions& options) {
  const auto only = [target](bool is_given, const char* option, ExportTarget of) {
    if (is_given && target != of)
      throw InvalidArgument("[export] ", option, " is of target '", name(of), "' alone; got it for '", name(target),
                            "'.");
  };
  only(options.has_vjp, "--vjp", ExportTarget::kC);
  only(options.c.math != CExportOptions{}.math, "--math", ExportTarget::kC);
  only(options.steps != 0, "--steps", ExportTarget::kOnnx);
  if ((target == ExportTarget::kFmu || target == ExportTarget::kFmu3) && options.c.dtype == Dtype::kF32)
    throw InvalidArgument("[export] --dtype must be that of 64 bits for '", name(target),
                          "', as simulators exchange; got 32 bits.");
}

/// Where an export goes: of PyTorch the weights besides, before the module that reads them.
std::vector<std::filesystem::path> places_of(ExportTarget target, const std::filesystem::path& path) {
  if (target != ExportTarget::kTorch) return {path};
  std::filesystem::path weights = path;
  return {weights.replace_extension(".safetensors"), path};
}

/// The bytes of the file at each of the places.
std::vector<std::string> contents_of(const SeriesModel& model, ExportTarget target, const ModelExportOptions& options,
                                     const std::vector<std::filesystem::path>& places) {
  switch (target) {
    case ExportTarget::kC:
      return {export_c(model, options)};
    case ExportTarget::kPython:
      return {export_numpy(model, options.c.dtype)};
    case ExportTarget::kOnnx:
      return {export_onnx(model, options)};
    case ExportTarget::kTorch: {
      const TorchExport made = export_torch(model, options.c.dtype, places[0].filename().string());
      return {to_safetensors(made.weights), made.module};
    }
    case ExportTarget::kFmu:
      return {export_fmu(model, options.c.prefix, FmiVersion::k2)};
    case ExportTarget::kFmu3:
      return {export_fmu(model, options.c.prefix, FmiVersion::k3)};
  }
  throw InternalError("[export] no such target.");
}

}  // namespace

void write_export(const SeriesModel& model, ExportTarget target, const ModelExportOptions& options,
                  const std::filesystem::path& path) {
  check_options(target, options);
  check_module(path);
  const std::vector<std::filesystem::path> places = places_of(target, path);
  for (const std::filesystem::path& place : places) check_place(place);
  const std::vector<std::string> contents = contents_of(model, target, options, places);
  for (std::size_t i = 0; i < places.size(); ++i) write_atomically(places[i], contents[i]);
}

}  // namespace costate

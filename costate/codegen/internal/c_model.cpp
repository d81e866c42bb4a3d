// A fitted model as a C header: generated functions of the model (model_functions.h) between the fixed text of
// model.inc and solver.inc.
#include <algorithm>

#include "costate/codegen/export_model.h"
#include "costate/codegen/internal/c_source.h"
#include "costate/codegen/internal/model_functions.h"
#include "costate/codegen/internal/model_values.h"
#include "costate/solve/methods/tableau.h"
#include "costate/source/internal/c_text.h"

namespace costate {
namespace {

using internal::CSource;

constexpr std::string_view kModelText =
#include "costate/codegen/internal/c/model.inc"
    ;
constexpr std::string_view kSolverText =
#include "costate/codegen/internal/c/solver.inc"
    ;

class CModelWriter {
 public:
  CModelWriter(const SeriesModel& model, const ModelExportOptions& options)
      : model_(model),
        options_(options),
        tableau_(internal::exported_method(model)),
        source_(options.c),
        conditions_(source_.values().conditions),
        values_(source_.values().values) {}

  std::string write() {
    conditions_.insert("scaled_knots");
    if (options_.has_vjp) conditions_.insert("vjp");
    internal::describe_model(
        model_, [&](double value) { return source_.number(value); }, source_.values());
    values_["tiny"] = source_.number(options_.c.dtype == Dtype::kF32 ? 1e-37 : 1e-300);
    values_["tableau"] = fixed_tableau();
    if (is_adaptive()) values_["adaptive_tableau"] = adaptive_tableau();
    set_arguments();
    const auto parts = internal::split_parts(internal::fill_in(kModelText, source_.values()));
    use_helpers();
    add_units();
    add_functions();
    source_.add_text("\n" + parts.at("problem").text);
    source_.add_text(internal::fill_in(kSolverText, source_.values()));
    source_.add_text("\n" + parts.at("model").text);
    return source_.text(heading(), parts.at("status").text + "\n" + parts.at("interface").text + "\n");
  }

 private:
  bool has_inputs() const { return !model_.input_names().empty(); }
  bool has_covariates() const { return !model_.covariate_names().empty(); }
  bool has_phases() const { return !model_.options().periods.empty(); }
  bool is_adaptive() const { return tableau_.has_error_estimate(); }

  /// What functions pass on to each other, as far as the model has it.
  void set_arguments() {
    const std::string prefix = options_.c.prefix, real = source_.real();
    const bool has_drive = conditions_.contains("drive");
    const auto known = [](bool holds, const std::string& text) { return holds ? text : std::string(); };
    const auto context = [&](const std::string& problem) {
      return known(has_inputs(), ", u") + known(model_.has_events(), ", moved, rates") +
             known(has_covariates(), ", " + problem + "covariates") + known(has_phases(), ", " + problem + "phases");
    };
    values_["drive_parameter"] = known(has_drive, "const " + prefix + "_drive *drive, ");
    values_["drive_argument"] = known(has_drive, "drive, ");
    values_["covariates_parameter"] = known(has_covariates(), "const " + real + " *covariates, ");
    values_["field_arguments"] = context("problem->");
    values_["vjp_arguments"] = context("problem.");
    values_["vjp_results"] = known(has_inputs(), ", input_cotangent");
    values_["of_inputs"] = known(has_inputs(), " and of the inputs");
    values_["inputs_out"] = known(has_inputs(), ", " + real + " *input_cotangent");
    values_["start_arguments"] = known(has_covariates(), ", c");
    values_["response_arguments"] = known(has_covariates(), "problem->covariates, ");
  }

  std::string constants(const std::string& name, std::span<const double> numbers, Dtype dtype) const {
    std::vector<std::string> items;
    for (const double number : numbers) items.push_back(internal::c_number(number, dtype));
    if (items.empty()) items.push_back(internal::c_number(0, dtype));
    return text::concat("static const ", dtype == Dtype::kF32 ? "float " : "double ", source_.prefixed(name), "[",
                        items.size(), "] = ", internal::c_list(items), ";\n");
  }

  std::string fixed_tableau() const {
    const auto stages = static_cast<std::size_t>(is_adaptive() ? tableau_.num_all_stages() : tableau_.num_stages - 1);
    const Dtype dtype = options_.c.dtype;
    return constants("c", tableau_.c.first(std::max<std::size_t>(stages, 1)), Dtype::kF64) +
           constants("a", tableau_.a.first(stages * (stages - 1) / 2), dtype) + constants("b", tableau_.b, dtype);
  }

  std::string adaptive_tableau() const {
    const std::string upper = internal::upper_case(options_.c.prefix);
    std::string text = text::concat("#define ", upper, "_ALL_STAGES ", tableau_.num_all_stages(), "\n#define ", upper,
                                    "_DENSE_DEGREE ", tableau_.dense_degree, "\n");
    text += "/* Of the error, h sum_i e_i k_i. */\n" + constants("e", tableau_.e, options_.c.dtype);
    if (tableau_.has_second_companion()) text += constants("e_low", tableau_.e_low, options_.c.dtype);
    text +=
        "/* Between the ends: y(t + theta h) = y + h sum_i b_i(theta) k_i, b_i(theta) = sum_p dense_ip theta^(p + 1). "
        "*/\n";
    return text + constants("dense", tableau_.dense, Dtype::kF64);
  }

  void use_helpers() {
    for (const char* part : {"fma", "time_fma", "is_finite"}) source_.helper(part);
    if (is_adaptive())
      for (const char* part : {"abs", "sqrt", "log", "exp"}) source_.helper(part);
    if (has_inputs()) source_.helper(name(model_.options().interpolation) + "_weights");
  }

  void add_units() {
    const Normalization& units = model_.normalization();
    const Dtype dtype = options_.c.dtype;
    std::string text = "\n/* ---- Units */\n\n" + constants("state_offset", units.state_offset, dtype) +
                       constants("state_scale", units.state_scale, dtype);
    if (has_inputs())
      text += constants("input_offset", units.input_offset, dtype) + constants("input_scale", units.input_scale, dtype);
    if (has_covariates())
      text += constants("covariate_offset", units.covariate_offset, dtype) +
              constants("covariate_scale", units.covariate_scale, dtype);
    if (model_.has_events()) text += constants("event_scale", units.event_scale, dtype);
    if (has_phases()) text += constants("periods", model_.options().periods, Dtype::kF64);
    if (conditions_.contains("starts")) {
      std::vector<std::string> may;
      for (std::size_t k = 0; k < model_.num_measured(); ++k)
        may.push_back(model_.knows_unmeasured_starts() && model_.may_be_unmeasured(k) ? "1" : "0");
      text += text::concat("static const int ", source_.prefixed("may_be_unmeasured"), "[", may.size(),
                           "] = ", internal::c_list(may), ";\n");
    }
    source_.add_text(text);
  }

  void add_functions() {
    const auto add = [&](const char* name, const char* about, const Function& function) {
      source_.add_function(name, about, internal::straight_line(function, options_.c.dtype));
    };
    add("field", "The field, in normalized units.", internal::model_field(model_));
    if (options_.has_vjp)
      add("field_vjp", "The field, and what a cotangent of it is of the state and the inputs.",
          internal::model_field_vjp(model_));
    if (conditions_.contains("starts"))
      add("normalized_start", "The whole state where a trajectory starts.", internal::model_start(model_));
    if (model_.has_events())
      add("response", "How an amount of 1 of each kind of event moves each state.", internal::model_response(model_));
  }

  std::string heading() const {
    return internal::about_model(model_) +
           "\nNothing is allocated, nothing is global. Compile with -ffp-contract=off (or -std=c99) where the bits "
           "count.\n";
  }

  const SeriesModel& model_;
  const ModelExportOptions& options_;
  const Tableau& tableau_;
  CSource source_;
  std::set<std::string>& conditions_;
  std::map<std::string, std::string>& values_;
};

}  // namespace

std::string export_c(const SeriesModel& model, const ModelExportOptions& options) {
  return CModelWriter(model, options).write();
}

}  // namespace costate

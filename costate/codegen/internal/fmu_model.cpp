// A fitted model as a functional mock-up unit: sources, their binary for this machine, and the description of its
// variables.
#include <numeric>
#include <set>

#include "costate/base/error.h"
#include "costate/codegen/export_model.h"
#include "costate/codegen/internal/fmu_platform.h"
#include "costate/codegen/internal/model_functions.h"
#include "costate/codegen/internal/model_values.h"
#include "costate/graph/interpret.h"
#include "costate/io/files.h"
#include "costate/io/internal/process.h"
#include "costate/io/internal/zip_archive.h"
#include "costate/series/internal/count.h"
#include "costate/source/internal/c_text.h"
#include "costate/source/internal/made_by.h"

namespace costate {
namespace {

constexpr std::string_view kCoreText =
#include "costate/codegen/internal/c/fmu_core.inc"
    ;
constexpr std::string_view kFmi2Text =
#include "costate/codegen/internal/c/fmi2.inc"
    ;
constexpr std::string_view kFmi3Text =
#include "costate/codegen/internal/c/fmi3.inc"
    ;

/// Lines stay lines. Other control characters have no form in XML: what users name comes as printable() text.
std::string xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n')
      out += "&#10;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

class FmuWriter {
 public:
  FmuWriter(const SeriesModel& model, const std::string& prefix, FmiVersion version)
      : model_(model),
        prefix_(prefix),
        version_(version),
        header_(export_c(model, {.c = {.prefix = prefix}, .has_vjp = true})),
        token_("{" + digest_of(header_) + "}"),
        starts_(starts()) {}

  std::string write() const {
    const std::string source = interface();
    std::vector<internal::ZippedFile> files = {{"modelDescription.xml", is_2() ? description_2() : description_3()},
                                               {"sources/" + prefix_ + ".h", header_},
                                               {"sources/" + source_name(), source}};
    if (!is_2()) files.push_back({"sources/buildDescription.xml", build_description()});
    files.push_back(binary(source));
    return internal::zip_archive(files, internal::ZipMethod::kDeflated);
  }

 private:
  bool is_2() const { return version_ == FmiVersion::k2; }
  std::string source_name() const { return is_2() ? "fmi2.c" : "fmi3.c"; }
  std::size_t num_states() const { return model_.num_states(); }
  static std::string number(double value) { return internal::c_number(value, Dtype::kF64); }

  /// Measured states at their means, and what follows from these and the means of covariates.
  std::vector<double> starts() const {
    const Normalization& units = model_.normalization();
    std::vector<HostArray> inputs(2, HostArray(Shape{count_of(model_.num_measured())}));
    for (std::size_t k = 0; k < model_.num_measured(); ++k) inputs[1].set(count_of(k), follows(k) ? 1 : 0);
    if (!units.covariate_offset.empty()) inputs.emplace_back(Shape{count_of(units.covariate_offset.size())});
    std::vector<double> starts = interpret(internal::model_start(model_), inputs)[0].numbers();
    for (std::size_t k = 0; k < model_.num_measured(); ++k)
      starts[k] = units.state_offset[k] + units.state_scale[k] * starts[k];
    return starts;
  }
  /// Whether a state has a start that the model knows and a user need not give.
  bool follows(std::size_t state) const {
    return state >= model_.num_measured() || (model_.knows_unmeasured_starts() && model_.may_be_unmeasured(state));
  }
  double nominal_of(std::size_t state) const {
    return state < model_.num_measured() ? model_.normalization().state_scale[state] : 1.0;
  }
  /// Where the data begin, or, of a model that does not know it, end.
  double start_time() const {
    if (!model_.range().times.empty()) return model_.range().times.front();
    return model_.last_states().empty() ? 0 : model_.last_states().front().time;
  }
  /// Of inputs and covariates: their means.
  std::vector<double> given() const {
    const Normalization& units = model_.normalization();
    std::vector<double> all = units.input_offset;
    all.insert(all.end(), units.covariate_offset.begin(), units.covariate_offset.end());
    return all;
  }

  std::string interface() const {
    internal::TemplateValues values{.prefix = prefix_};
    internal::describe_model(model_, number, values);
    std::vector<std::string> starts, nominals, others;
    for (const double start : starts_) starts.push_back(number(start));
    for (std::size_t i = 0; i < num_states(); ++i) nominals.push_back(number(nominal_of(i)));
    for (const double value : given()) others.push_back(number(value));
    others.push_back("0");
    auto& texts = values.values;
    texts["prefix"] = prefix_;
    texts["guid"] = token_;
    texts["start_states"] = text::join(starts);
    texts["start_time"] = number(start_time());
    texts["given_covariates"] =
        values.conditions.contains("covariates") ? text::concat("now->given + ", model_.input_names().size(), ",") : "";
    texts["nominals"] = text::join(nominals);
    texts["start_given"] = text::join(others);
    texts["drive_pointer"] = values.conditions.contains("drive") ? "&drive," : "";
    texts["by_input"] = values.conditions.contains("inputs") ? ", by_input" : "";
    return internal::fill_in(kCoreText, values) + internal::fill_in(is_2() ? kFmi2Text : kFmi3Text, values);
  }

  /// The shared library.
  internal::ZippedFile binary(const std::string& source) const {
    const internal::TemporaryFolder folder("export");
    std::string target = said_by_cc(folder.path(), {"-dumpmachine"});
    target = target.substr(0, target.find_first_of("\r\n"));
    const internal::FmuPlatform platform = internal::fmu_platform(target, version_);
    const std::filesystem::path code = folder.path() / source_name(), out = folder.path() / "model";
    write_atomically(folder.path() / (prefix_ + ".h"), header_);
    write_atomically(code, source);
    said_by_cc(folder.path(), {"-std=c99", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", code.string(), "-o",
                               out.string(), "-lm"});
    return {platform.folder + prefix_ + platform.ending, read_file(out)};
  }

  /// What the machine's own compiler says to these arguments.
  static std::string said_by_cc(const std::filesystem::path& folder, std::vector<std::string> arguments) {
    const std::filesystem::path log = folder / "log";
    arguments.insert(arguments.begin(), "cc");
    const int code = internal::run_program("export", std::move(arguments), log,
                                           "An FMU holds a binary; install a C compiler (Debian: gcc).");
    if (code != 0) throw InternalError("[export] the C compiler, cc, failed: ", read_file(log));
    return read_file(log);
  }

  std::string state_name(std::size_t i) const {
    if (i < model_.num_measured()) return model_.state_names()[i];
    return text::concat("hidden", i - model_.num_measured() + 1);
  }

  /// Attributes of a variable of either version, and of its value.
  struct Variable {
    std::string name, kind, value;
  };

  /// By value reference: states, derivatives, inputs, covariates, and the time in FMI 3. The start of a state that
  /// follows from the others is "approx", as only such variables may be calculated, and set nevertheless.
  std::vector<Variable> variables() const {
    std::vector<Variable> all;
    for (std::size_t i = 0; i < num_states(); ++i)
      all.push_back({state_name(i),
                     text::concat("causality=\"output\" variability=\"continuous\" initial=\"",
                                  follows(i) ? "approx" : "exact", "\""),
                     text::concat("start=\"", number(starts_[i]), "\" nominal=\"", number(nominal_of(i)), "\"")});
    for (std::size_t i = 0; i < num_states(); ++i)
      all.push_back({"der(" + state_name(i) + ")",
                     "causality=\"local\" variability=\"continuous\" initial=\"calculated\"",
                     text::concat("derivative=\"", is_2() ? i + 1 : i, "\"")});
    const std::vector<double> starts = given();
    for (std::size_t i = 0; i < model_.input_names().size(); ++i)
      all.push_back({model_.input_names()[i], "causality=\"input\" variability=\"continuous\"",
                     "start=\"" + number(starts[i]) + "\""});
    for (std::size_t i = 0; i < model_.covariate_names().size(); ++i)
      all.push_back({model_.covariate_names()[i], "causality=\"parameter\" variability=\"fixed\" initial=\"exact\"",
                     "start=\"" + number(starts[model_.input_names().size() + i]) + "\""});
    if (!is_2())
      all.push_back({"time", "causality=\"independent\" variability=\"continuous\"",
                     "description=\"" + xml(internal::printable(about_time())) + "\""});
    std::set<std::string> taken;  // a column may be called "der(x)", or "time"
    for (Variable& variable : all) {
      variable.name = internal::printable(variable.name);
      while (!taken.insert(variable.name).second) variable.name += "'";
    }
    return all;
  }

  /// The first tag, and both ways to use the model.
  std::string description_begin() const {
    const std::string files = "    <SourceFiles>\n      <File name=\"" + source_name() + "\"/>\n    </SourceFiles>\n";
    const std::string capabilities =
        is_2() ? "canGetAndSetFMUstate=\"true\" canSerializeFMUstate=\"true\" providesDirectionalDerivative=\"true\""
               : "canGetAndSetFMUState=\"true\" canSerializeFMUState=\"true\" providesDirectionalDerivatives=\"true\" "
                 "providesAdjointDerivatives=\"true\"";
    const auto use = [&](const char* tag, const std::string& more) {
      const std::string begin = text::concat("  <", tag, " modelIdentifier=\"", prefix_, "\" ", more, capabilities);
      return is_2() ? text::concat(begin, ">\n", files, "  </", tag, ">\n") : begin + "/>\n";
    };
    return text::concat(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<fmiModelDescription fmiVersion=\"", is_2() ? "2.0" : "3.0",
        "\" modelName=\"", prefix_, "\" description=\"", xml(internal::about_model(model_)), "\" ",
        is_2() ? "guid" : "instantiationToken", "=\"", token_, "\" generationTool=\"", internal::made_by(),
        "\" variableNamingConvention=\"flat\"", is_2() ? " numberOfEventIndicators=\"0\"" : "", ">\n",
        use("ModelExchange", ""),
        use("CoSimulation", "canHandleVariableCommunicationStepSize=\"true\" maxOutputDerivativeOrder=\"1\" "),
        "  <DefaultExperiment startTime=\"", number(start_time()), "\" stopTime=\"",
        number(start_time() + 20 * model_.spacing()), "\" stepSize=\"", number(model_.spacing()),
        "\"/>\n  <ModelVariables>\n");
  }

  // Value references.
  std::vector<std::size_t> states() const { return numbers_from(0); }
  std::vector<std::size_t> derivatives() const { return numbers_from(num_states()); }
  std::vector<std::size_t> numbers_from(std::size_t first) const {
    std::vector<std::size_t> all(num_states());
    std::iota(all.begin(), all.end(), first);
    return all;
  }
  std::vector<std::size_t> initial_unknowns() const {
    std::vector<std::size_t> unknowns = derivatives(), all;
    for (const std::size_t state : states())
      if (follows(state)) all.push_back(state);
    all.insert(all.end(), unknowns.begin(), unknowns.end());
    return all;
  }

  std::string description_2() const {
    std::string out = description_begin();
    const std::vector<Variable> all = variables();
    for (std::size_t i = 0; i < all.size(); ++i)
      out += text::concat("    <ScalarVariable name=\"", xml(all[i].name), "\" valueReference=\"", i, "\" ",
                          all[i].kind, "><Real ", all[i].value, "/></ScalarVariable>\n");
    out += "  </ModelVariables>\n  <ModelStructure>\n";
    const auto list = [&](const char* name, const std::vector<std::size_t>& references) {
      out += text::concat("    <", name, ">\n");
      for (const std::size_t reference : references)
        out += text::concat("      <Unknown index=\"", reference + 1, "\"/>\n");
      out += text::concat("    </", name, ">\n");
    };
    list("Outputs", states());
    list("Derivatives", derivatives());
    list("InitialUnknowns", initial_unknowns());
    return out + "  </ModelStructure>\n</fmiModelDescription>\n";
  }

  std::string description_3() const {
    std::string out = description_begin();
    const std::vector<Variable> all = variables();
    for (std::size_t i = 0; i < all.size(); ++i)
      out += text::concat("    <Float64 name=\"", xml(all[i].name), "\" valueReference=\"", i, "\" ", all[i].kind, " ",
                          all[i].value, "/>\n");
    out += "  </ModelVariables>\n  <ModelStructure>\n";
    const auto list = [&](const char* name, const std::vector<std::size_t>& references) {
      for (const std::size_t reference : references)
        out += text::concat("    <", name, " valueReference=\"", reference, "\"/>\n");
    };
    list("Output", states());
    list("ContinuousStateDerivative", derivatives());
    list("InitialUnknown", initial_unknowns());
    return out + "  </ModelStructure>\n</fmiModelDescription>\n";
  }

  /// Simulators take the time to be in seconds, which the data's need not be.
  std::string about_time() const {
    const TimeScale& scale = model_.time_scale();
    return scale.unit.empty() ? "time of the data" : text::concat(scale.unit, " since ", scale.origin);
  }

  std::string build_description() const {
    return text::concat(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<fmiBuildDescription fmiVersion=\"3.0\">\n"
        "  <BuildConfiguration modelIdentifier=\"",
        prefix_, "\">\n    <SourceFileSet language=\"C99\">\n      <SourceFile name=\"", source_name(), "\"/>\n",
        "    </SourceFileSet>\n  </BuildConfiguration>\n</fmiBuildDescription>\n");
  }

  const SeriesModel& model_;
  std::string prefix_;
  FmiVersion version_;
  std::string header_, token_;
  std::vector<double> starts_;
};

}  // namespace

std::string export_fmu(const SeriesModel& model, const std::string& prefix, FmiVersion version) {
  if (model.has_events())
    throw NotSupported("[export] a model with events cannot be exported to an FMU; 'c' and 'python' take it.");
  return FmuWriter(model, prefix, version).write();
}

}  // namespace costate

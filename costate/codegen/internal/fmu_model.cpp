// A fitted model as a functional mock-up unit: sources, their binary for this machine, and the description of its
// variables.
#include <sstream>

#include "costate/base/error.h"
#include "costate/base/version.h"
#include "costate/codegen/export_model.h"
#include "costate/codegen/internal/c_text.h"
#include "costate/codegen/internal/model_functions.h"
#include "costate/codegen/internal/model_values.h"
#include "costate/io/files.h"
#include "costate/io/internal/process.h"
#include "costate/io/internal/zip_archive.h"
#include "costate/solve/methods/tableau.h"

namespace costate {
namespace {

constexpr std::string_view kFmu2Text =
#include "costate/codegen/internal/c/fmu2.inc"
    ;

std::string xml(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
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
  FmuWriter(const SeriesModel& model, const std::string& prefix)
      : model_(model),
        prefix_(prefix),
        header_(export_c(model, {.c = {.prefix = prefix}, .has_vjp = true})),
        guid_("{" + digest_of(header_) + "}") {}

  std::string write() const {
    const std::string source = interface();
    std::vector<internal::ZippedFile> files = {{"modelDescription.xml", description()},
                                               {"sources/" + prefix_ + ".h", header_},
                                               {"sources/fmi2.c", source},
                                               {"binaries/linux64/" + prefix_ + ".so", binary(source)}};
    return internal::zip_archive(files, internal::ZipMethod::kDeflated);
  }

 private:
  std::size_t num_states() const { return model_.num_states(); }
  static std::string number(double value) { return internal::c_number(value, Dtype::kF64); }

  double start_of(std::size_t state) const {
    return state < model_.num_measured() ? model_.normalization().state_offset[state] : 0.0;
  }
  double nominal_of(std::size_t state) const {
    return state < model_.num_measured() ? model_.normalization().state_scale[state] : 1.0;
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
    for (std::size_t i = 0; i < num_states(); ++i) {
      starts.push_back(number(start_of(i)));
      nominals.push_back(number(nominal_of(i)));
    }
    for (const double value : given()) others.push_back(number(value));
    others.push_back("0");
    auto& texts = values.values;
    texts["prefix"] = prefix_;
    texts["guid"] = guid_;
    texts["start_states"] = text::join(starts);
    texts["nominals"] = text::join(nominals);
    texts["start_given"] = text::join(others);
    texts["drive_pointer"] = values.conditions.contains("drive") ? "&drive," : "";
    return internal::fill_in(kFmu2Text, values);
  }

  /// The shared library, by the machine's own compiler.
  std::string binary(const std::string& source) const {
    const internal::TemporaryFolder folder("export");
    write_atomically(folder.path() / (prefix_ + ".h"), header_);
    write_atomically(folder.path() / "fmi2.c", source);
    const std::filesystem::path out = folder.path() / "model.so", log = folder.path() / "log";
    const int code = internal::run_program("export",
                                           {"cc", "-std=c99", "-O2", "-shared", "-fPIC", "-fvisibility=hidden",
                                            (folder.path() / "fmi2.c").string(), "-o", out.string(), "-lm"},
                                           log, "An FMU holds a binary; install a C compiler (Debian: gcc).");
    if (code != 0) throw InternalError("[export] the C compiler refused the FMU's source: ", read_file(log));
    return read_file(out);
  }

  struct Variable {
    std::string name, attributes, real;
  };

  std::string state_name(std::size_t i) const {
    if (i < model_.num_measured()) return model_.state_names()[i];
    return text::concat("hidden", i - model_.num_measured() + 1);
  }

  /// By value reference: states, derivatives, inputs, covariates.
  std::vector<Variable> variables() const {
    std::vector<Variable> all;
    for (std::size_t i = 0; i < num_states(); ++i)
      all.push_back({state_name(i), "causality=\"output\" variability=\"continuous\" initial=\"exact\"",
                     text::concat("start=\"", number(start_of(i)), "\" nominal=\"", number(nominal_of(i)), "\"")});
    for (std::size_t i = 0; i < num_states(); ++i)
      all.push_back({"der(" + state_name(i) + ")",
                     "causality=\"local\" variability=\"continuous\" initial=\"calculated\"",
                     text::concat("derivative=\"", i + 1, "\"")});
    const std::vector<double> starts = given();
    for (std::size_t i = 0; i < model_.input_names().size(); ++i)
      all.push_back({model_.input_names()[i], "causality=\"input\" variability=\"continuous\"",
                     "start=\"" + number(starts[i]) + "\""});
    for (std::size_t i = 0; i < model_.covariate_names().size(); ++i)
      all.push_back({model_.covariate_names()[i], "causality=\"parameter\" variability=\"fixed\" initial=\"exact\"",
                     "start=\"" + number(starts[model_.input_names().size() + i]) + "\""});
    return all;
  }

  std::string description() const {
    const char* capabilities =
        "canGetAndSetFMUstate=\"true\" canSerializeFMUstate=\"true\" providesDirectionalDerivative=\"true\"";
    const std::string files = "    <SourceFiles>\n      <File name=\"fmi2.c\"/>\n    </SourceFiles>\n";
    std::ostringstream out;
    out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<fmiModelDescription fmiVersion=\"2.0\" modelName=\"" << prefix_
        << "\" guid=\"" << guid_ << "\" generationTool=\"Made by Costate " << version()
        << "\" variableNamingConvention=\"flat\" numberOfEventIndicators=\"0\">\n"
        << "  <ModelExchange modelIdentifier=\"" << prefix_ << "\" " << capabilities << ">\n"
        << files << "  </ModelExchange>\n  <CoSimulation modelIdentifier=\"" << prefix_
        << "\" canHandleVariableCommunicationStepSize=\"true\" maxOutputDerivativeOrder=\"1\" " << capabilities << ">\n"
        << files << "  </CoSimulation>\n";
    out << "  <DefaultExperiment startTime=\"0\" stopTime=\"" << number(20 * model_.spacing()) << "\" stepSize=\""
        << number(model_.spacing()) << "\"/>\n  <ModelVariables>\n";
    const std::vector<Variable> all = variables();
    for (std::size_t i = 0; i < all.size(); ++i)
      out << "    <ScalarVariable name=\"" << xml(all[i].name) << "\" valueReference=\"" << i << "\" "
          << all[i].attributes << "><Real " << all[i].real << "/></ScalarVariable>\n";
    out << "  </ModelVariables>\n  <ModelStructure>\n";
    const auto list = [&](const char* name, std::size_t first) {
      out << "    <" << name << ">\n";
      for (std::size_t i = 0; i < num_states(); ++i) out << "      <Unknown index=\"" << first + i << "\"/>\n";
      out << "    </" << name << ">\n";
    };
    list("Outputs", 1);
    list("Derivatives", num_states() + 1);
    list("InitialUnknowns", num_states() + 1);
    out << "  </ModelStructure>\n</fmiModelDescription>\n";
    return out.str();
  }

  const SeriesModel& model_;
  std::string prefix_, header_, guid_;
};

}  // namespace

std::string export_fmu(const SeriesModel& model, const std::string& prefix) {
  if (model.has_events())
    throw NotSupported("[export] a model with events cannot be exported to an FMU; 'c' and 'python' take it.");
  return FmuWriter(model, prefix).write();
}

}  // namespace costate

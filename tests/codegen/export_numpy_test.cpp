// Fitted models as NumPy modules: their solves against SeriesModel::predict.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/codegen/export_model.h"
#include "costate/codegen/internal/numpy_function.h"
#include "costate/exec/program.h"
#include "tests/codegen/c_program.h"
#include "tests/codegen/models.h"
#include "tests/codegen/other_python.h"
#include "tests/codegen/target_functions.h"
#include "tests/support/check_function.h"

namespace costate {
namespace {

using test::Form;
using test::Scratch;

std::string python() {
  const std::string own = COSTATE_SOURCE_DIR "/.venv/bin/python";
  return std::filesystem::exists(own) ? own : "python3";
}

bool has_numpy() { return test::imports(python(), "numpy"); }

std::string list(const std::vector<double>& numbers) {
  std::ostringstream out;
  out.precision(17);
  out << "[";
  for (const double number : numbers) out << number << ", ";
  return out.str() + "]";
}

/// What the script prints, with the modules as model0, model1, …
std::vector<double> run_modules(const std::vector<std::string>& modules, const std::string& script) {
  const Scratch scratch;
  for (std::size_t i = 0; i < modules.size(); ++i) scratch.write(text::concat("model", i, ".py"), modules[i]);
  scratch.write("run.py", "import numpy as np\nnan = np.nan\n" + script);
  const std::string out = (scratch / "out").string(), log = (scratch / "log").string();
  const std::string command = python() + " -W error " + (scratch / "run.py").string() + " > " + out + " 2> " + log;
  EXPECT_EQ(std::system(command.c_str()), 0) << test::read_text(log);
  std::istringstream in(test::read_text(out));
  std::vector<double> numbers;
  for (double number; in >> number;) numbers.push_back(number);
  return numbers;
}

/// The same of one module, `model`.
std::vector<double> run_python(const std::string& module, const std::string& script) {
  return run_modules({module}, "import model0 as model\n" + script);
}

std::string drive_of(const SeriesModel::Query& query) {
  std::string text;
  if (!query.input_times.empty())
    text += ", input_times=" + list(query.input_times) + ", inputs=np.reshape(" + list(query.inputs.numbers()) +
            ", (-1, 1))";
  if (!query.covariates.empty()) text += ", covariates=" + list(query.covariates);
  if (query.events.empty()) return text;
  text += ", events=[";
  for (const Event& event : query.events)
    text += text::concat("(", event.time, ", ", event.column, ", ", event.amount, ", ", event.duration, "), ");
  return text + "]";
}

/// A script that prints how many steps the module's solve takes, and its states.
std::string solve_of(const std::string& module, const SeriesModel& model, const SeriesModel::Query& query) {
  const bool starts = model.num_states() > model.num_measured() || model.knows_unmeasured_starts();
  const std::string covariates = query.covariates.empty() ? "" : ", " + list(query.covariates);
  const std::string state = starts ? "model.start(" + list(query.start) + covariates + ")" : list(query.start);
  return "import " + module + " as model\nstates = model.solve(" + state + ", " + list(query.times) + drive_of(query) +
         ")\nprint(states.accepted, *states[:, :model.MEASURED].ravel())\n";
}

/// All in one process: NumPy takes longer to start than a model to be solved.
void check_modules(const std::vector<Form>& forms) {
  if (!has_numpy()) GTEST_SKIP() << "needs Python with NumPy";
  std::vector<SeriesModel> models;
  std::vector<SeriesModel::Query> queries;
  std::vector<std::string> modules;
  std::string script;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    const SeriesModel& model = models.emplace_back(test::model_of(forms[i]));
    SeriesModel::Query& query = queries.emplace_back(test::query_of(forms[i]));
    if (!forms[i].unmeasured.empty()) query.start[1] = kNan;
    modules.push_back(export_numpy(model, Dtype::kF64));
    script += solve_of(text::concat("model", i), model, query);
  }
  const std::vector<double> found = run_modules(modules, script);
  std::size_t at = 0;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    SCOPED_TRACE(text::concat("form ", i, ": ", name(forms[i].method), ", ", name(forms[i].activation)));
    EXPECT_EQ(found.at(at++), static_cast<double>(models[i].steps(queries[i]).size()));
    for (const auto& states : models[i].predict(queries[i]))
      for (std::size_t k = 0; k < states.size(); ++k, ++at)
        EXPECT_NEAR(found.at(at), states[k], 1e-9 * models[i].normalization().state_scale[k]) << "number " << at;
  }
  EXPECT_EQ(at, found.size());
}

TEST(ExportNumpy, EveryElementwiseOperation) {
  if (!has_numpy()) GTEST_SKIP() << "needs Python with NumPy";
  const Function function = test::elementwise_operations([](const OpInfo&) { return true; });
  const std::vector<HostArray> inputs = testing::draw_inputs(function, 40, 0, 1, 7);
  internal::NumpyConstants constants;
  const std::string text =
      internal::numpy_function("f", "All.", internal::straight_line(function, Dtype::kF64), constants);
  const std::vector<double> found = run_python(  // a model's module has what functions are composed of
      export_numpy(test::model_of({}), Dtype::kF64) + constants.text + text,
      "for result in model.f(np.reshape(" + list(inputs[0].numbers()) + ", (40, 15))):\n    print(*result.ravel())\n");
  std::size_t at = 0;
  for (const HostArray& output : compile(function).run(inputs).outputs)
    for (std::int64_t i = 0; i < output.size(); ++i, ++at)
      EXPECT_NEAR(found.at(at), output.at(i), 8 * 0x1p-52 * std::max(1.0, std::abs(output.at(i)))) << "number " << at;
  EXPECT_EQ(at, found.size());
}

TEST(ExportNumpy, EveryForm) {
  check_modules({{},
                 {.has_inputs = true, .interpolation = Interpolation::kHold},
                 {.has_inputs = true},
                 {.has_inputs = true, .interpolation = Interpolation::kCubic},
                 {.has_covariates = true, .periods = {1.7, 4}, .hidden_states = 2, .unmeasured = {"z1"}},
                 {.has_inputs = true, .has_covariates = true, .has_events = true, .periods = {3}, .hidden_states = 1}});
}

TEST(ExportNumpy, EveryMethod) {
  std::vector<Form> forms;
  for (const Method method : explicit_methods())
    if (tableau(method).has_error_estimate()) forms.push_back({.has_inputs = true, .method = method});
  check_modules(forms);
}

TEST(ExportNumpy, EveryActivation) {
  std::vector<Form> forms;
  for (const Activation activation :
       {Activation::kIdentity, Activation::kRelu, Activation::kSigmoid, Activation::kSoftplus, Activation::kElu,
        Activation::kGelu, Activation::kSilu, Activation::kSin})
    forms.push_back({.activation = activation});
  check_modules(forms);
}

TEST(ExportNumpy, FixedStepsManySamplesAndMistakes) {
  if (!has_numpy()) GTEST_SKIP() << "needs Python with NumPy";
  const Form form{.has_inputs = true};
  const SeriesModel model = test::model_of(form);
  SeriesModel::Query query = test::query_of(form);
  const std::string drive = drive_of(query), start = list(query.start), times = list(query.times);
  const std::vector<double> found =
      run_python(export_numpy(model, Dtype::kF64),
                 "fixed = model.solve_fixed(" + start + ", " + times + ", 60" + drive + ")\n" + "print(*fixed[-1])\n" +
                     "many = model._field(np.zeros((4, 1)), np.arange(8.0).reshape(4, 2) / 8, np.ones((4, 1)))\n" +
                     "print(many.shape[0], np.abs(many[2] - model._field(np.zeros(1), np.array([0.5, 0.625]), "
                     "np.ones(1))).max() < 1e-14 or exit(3))\n"
                     "def refused(error, part, call):\n    try:\n        call()\n    except error as found:\n"
                     "        assert part in str(found), found\n        return\n    raise AssertionError(part)\n"
                     "refused(TypeError, 'the model needs input_times, inputs', lambda: model.solve(" +
                     start + ", " + times +
                     "))\n"
                     "refused(TypeError, \"got 'wind'\", lambda: model.rate(0, " +
                     start + ", wind=1" + drive +
                     "))\n"
                     "refused(ValueError, 'do not turn back', lambda: model.solve(" +
                     start + ", [0, 1, 0.5]" + drive +
                     "))\n"
                     "refused(ValueError, 'state must hold finite numbers of shape [2]', lambda: model.solve([1], " +
                     times + drive +
                     "))\n"
                     "refused(model.SolveError, 'stopped at t = ', lambda: model.solve(" +
                     start + ", " + times + ", max_steps=3" + drive +
                     "))\n"
                     "import numpy\nassert model.rate(3.3, " +
                     start + drive + ").dtype == numpy.float64\n");
  // "4 True": what follows the number that istream reads is no number.
  ASSERT_GE(found.size(), 3U);
  const auto expected = model.predict(query).back();
  for (std::size_t k = 0; k < 2; ++k) EXPECT_NEAR(found[k], expected[k], 1e-3 * model.normalization().state_scale[k]);
  EXPECT_EQ(found[2], 4);
}

TEST(ExportNumpy, FixedStepsAreThoseOfTheFit) {
  if (!has_numpy()) GTEST_SKIP() << "needs Python with NumPy";
  const SeriesModel model = test::model_of({.method = Method::kRk4});
  const SeriesModel::Query query = test::query_of({});
  const std::vector<double> found =
      run_python(export_numpy(model, Dtype::kF64),
                 "print(*model.solve_fixed(" + list(query.start) + ", " + list(query.times) + ").ravel())\n");
  std::vector<double> expected;
  for (const std::vector<double>& state : model.predict(query))
    expected.insert(expected.end(), state.begin(), state.end());
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-9 * model.normalization().state_scale[i % 2]);
}

TEST(ExportNumpy, EventsThatAreNoneAreRefused) {
  if (!has_numpy()) GTEST_SKIP() << "needs Python with NumPy";
  run_python(export_numpy(test::model_of({.has_events = true}), Dtype::kF64),
             "for events in ([(4, 1, 2, 0)], [(4, -1, 2, 0)], [(4, 0.5, 2, 0)], [(4, 0, nan, 0)], [(4, 0, 2, -1)], "
             "[(4, 0, 2)] * 4):\n    try:\n        model.rate(3, [0.4, 21], events=events)\n    except ValueError as "
             "error:\n        assert 'events must be rows (time, kind, amount, duration)' in str(error)\n    else:\n"
             "        raise AssertionError(events)\nmodel.rate(3, [0.4, 21], events=[])\n");
}

/// Columns of people's tables, and files, are called anything.
TEST(ExportNumpy, NamesMayHoldQuotesAndBackslashes) {
  if (!has_numpy()) GTEST_SKIP() << "needs Python with NumPy";
  TimeSeries series = test::driven();
  series.state_names = {R"(C:\users\x """)", R"(y\)"};
  const SeriesModel model = test::model_of({}, series);
  const Scratch scratch;
  scratch.write("names.txt", "C:\\users\\x \"\"\", y\\\n");
  const std::filesystem::path torch = scratch / R"(a "b\c.py)";
  write_export(model, ExportTarget::kTorch, {}, torch);
  std::filesystem::rename(torch, scratch / "torch_model.py");
  const std::string script = "import ast, pathlib\nfolder = pathlib.Path('" + scratch.folder().string() + R"(')
names = (folder / 'names.txt').read_text()
assert names in model.__doc__
made = ast.get_docstring(ast.parse((folder / 'torch_model.py').read_text()), clean=False)
assert names in made and r"""'a "b\c.safetensors'""" in made, made
)";
  run_python(export_numpy(model, Dtype::kF64), script);
}

}  // namespace
}  // namespace costate

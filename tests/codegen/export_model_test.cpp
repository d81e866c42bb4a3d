// Fitted models as C: their solves against SeriesModel::predict, step by step.
#include "costate/codegen/export_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/codegen/c_program.h"
#include "tests/codegen/models.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using test::CRun;
using test::Form;
using test::model_of;
using test::query_of;
using test::run_c;
using test::Scratch;
using Query = SeriesModel::Query;

/// Calls that the C program makes; the state at the start is `state`.
std::string main_of(const SeriesModel& model, const Query& query, const std::string& real, const std::string& calls) {
  std::string text = "#include <stdio.h>\n#include <math.h>\n#include \"model.h\"\n";
  text += test::c_array("double", "times", query.times) + test::c_array(real, "measured", query.start);
  std::string drive;
  if (!query.input_times.empty()) {
    text += test::c_array("double", "input_times", query.input_times) +
            test::c_array(real, "inputs", query.inputs.numbers());
    drive += text::concat(query.input_times.size(), ", input_times, inputs, ");
  }
  if (!query.covariates.empty()) {
    text += test::c_array(real, "covariates", query.covariates);
    drive += "covariates, ";
  }
  if (!query.events.empty()) {
    text += "static const model_event events[] = {";
    for (const Event& event : query.events)
      text += text::concat("{", event.time, ", ", event.column, ", (", real, ")", event.amount, ", ", event.duration,
                           "}, ");
    text += "};\n";
    drive += text::concat(query.events.size(), ", events, ");
  }
  if (!drive.empty()) text += "static const model_drive drive = {" + drive.substr(0, drive.size() - 2) + "};\n";
  text += text::concat("#define TIMES ", query.times.size(), "\n#define DRIVE ", drive.empty() ? "" : "&drive,", "\n");
  text += text::concat("static void put(double x) { fwrite(&x, sizeof x, 1, stdout); }\nint main(void) {\n  static ",
                       real, " states[TIMES][MODEL_STATES];\n  ", real,
                       " state[MODEL_STATES];\n  model_report report;\n  int i, j, status;\n");
  const bool starts = model.num_states() > model.num_measured() || model.knows_unmeasured_starts();
  if (starts)
    text += text::concat("  if (model_start(measured, ", query.covariates.empty() ? "" : "covariates, ",
                         "state) != 0) return 9;\n");
  else
    text += "  for (j = 0; j < MODEL_STATES; ++j) state[j] = measured[j];\n";
  return text + calls + "  return 0;\n}\n";
}

constexpr const char* kAdaptive =
    "  status = model_solve(state, times, TIMES, DRIVE 0, &states[0][0], &report);\n"
    "  put(status); put((double)report.accepted); put((double)report.rejected); put((double)report.evaluations);\n"
    "  for (i = 0; i < TIMES; ++i) for (j = 0; j < MODEL_MEASURED; ++j) put((double)states[i][j]);\n";
constexpr const char* kFixed =  // the steps of the fit
    "  status = model_solve_fixed(state, times, TIMES, 0, DRIVE &states[0][0], &report);\n"
    "  put(status); put((double)report.accepted); put((double)report.rejected); put((double)report.evaluations);\n"
    "  for (i = 0; i < TIMES; ++i) for (j = 0; j < MODEL_MEASURED; ++j) put((double)states[i][j]);\n";

struct Tolerance {
  double of_states = 0;  // in units of the states' deviations
  int of_steps = 0;
};

/// Numbers of a run: status, accepted, rejected, evaluations, states.
void check_states(const SeriesModel& model, const Query& query, const CRun& run, const Tolerance& tolerance) {
  ASSERT_TRUE(run.is_built) << run.messages;
  ASSERT_EQ(run.exit_code, 0) << run.messages;
  ASSERT_GE(run.numbers.size(), 4U);
  EXPECT_EQ(run.numbers[0], 0);
  const auto states = model.predict(query);
  const std::vector<AcceptedStep> steps = model.steps(query);
  EXPECT_NEAR(run.numbers[1], static_cast<double>(steps.size()), tolerance.of_steps);
  std::size_t at = 4;
  for (const auto& state : states)
    for (std::size_t k = 0; k < state.size(); ++k, ++at) {
      ASSERT_TRUE(std::isfinite(state[k]));
      EXPECT_NEAR(run.numbers.at(at), state[k], tolerance.of_states * model.normalization().state_scale[k])
          << "number " << at - 4;
    }
  EXPECT_EQ(at, run.numbers.size());
}

CRun run_model(const SeriesModel& model, const Query& query, const CExportOptions& c, const std::string& calls,
               const std::string& more_flags = "") {
  const Scratch scratch;
  const std::string real = c.dtype == Dtype::kF32 ? "float" : "double";
  return run_c(scratch, {{"model.h", export_c(model, {.c = c})}, {"main.c", main_of(model, query, real, calls)}},
               test::kStrict + more_flags);
}

void check_model(const Form& form) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const SeriesModel model = model_of(form);
  const Query query = query_of(form);
  {
    SCOPED_TRACE("builtin, f64, adaptive");
    const CRun run =
        run_model(model, query, {.prefix = "model", .math = CMath::kBuiltin}, kAdaptive, test::fused_flag());
    check_states(model, query, run, {.of_states = test::fuses() ? 0 : 1e-9});
  }
  {
    SCOPED_TRACE("libm, f64, adaptive");
    const CRun run = run_model(model, query, {.prefix = "model"}, kAdaptive);
    check_states(model, query, run, {.of_states = 1e-9});
  }
  {
    SCOPED_TRACE("libm, f32, adaptive");  // as a solve in f32 differs from one in f64
    const CRun run = run_model(model, query, {.prefix = "model", .dtype = Dtype::kF32}, kAdaptive);
    check_states(model, query, run, {.of_states = 1e-3, .of_steps = 3});
  }
}

TEST(ExportModel, AModelAlone) { check_model({}); }
TEST(ExportModel, InputsThatAreHeld) { check_model({.has_inputs = true, .interpolation = Interpolation::kHold}); }
TEST(ExportModel, InputsOnLines) { check_model({.has_inputs = true}); }
TEST(ExportModel, InputsOnCubics) { check_model({.has_inputs = true, .interpolation = Interpolation::kCubic}); }
TEST(ExportModel, CovariatesClocksAndHiddenStates) {
  check_model({.has_covariates = true, .periods = {1.7, 4}, .hidden_states = 2});
}
TEST(ExportModel, Events) { check_model({.has_events = true}); }
TEST(ExportModel, EventsWithAllElse) {
  check_model({.has_inputs = true, .has_covariates = true, .has_events = true, .periods = {3}, .hidden_states = 1});
}

/// What the library makes of a query of a model with inputs alone, in its own units.
Solution solution_of(const SeriesModel& model, const Query& query, const SolveOptions& options) {
  const Normalization& units = model.normalization();
  const auto in_units = [&](std::vector<double> times) {
    for (double& t : times) t = (t - query.times[0]) / units.time_scale;
    return times;
  };
  HostArray inputs = query.inputs, start(Shape{1, 2});
  for (std::int64_t i = 0; i < inputs.size(); ++i)
    inputs.set(i, (inputs.at(i) - units.input_offset[0]) / units.input_scale[0]);
  for (std::size_t k = 0; k < 2; ++k)
    start.set(static_cast<std::int64_t>(k), (query.start[k] - units.state_offset[k]) / units.state_scale[k]);
  const std::vector<HostArray> arguments = {HostArray(Shape{1, test::kRows}, in_units(query.input_times)),
                                            inputs.reshape({1, test::kRows, 1})};
  return solve(model.field(test::kRows, 0), start, HostArray::vector(in_units(query.times)), options, arguments);
}

/// Steps and evaluations are as many as the library's, up to `of_steps` steps, and states as near as the tolerance.
void check_solution(const SeriesModel& model, const Query& query, const CRun& run, const Solution& solution,
                    const Tolerance& tolerance) {
  ASSERT_TRUE(run.is_built) << run.messages;
  EXPECT_EQ(run.numbers.at(0), 0);
  EXPECT_NEAR(run.numbers.at(1), static_cast<double>(solution.accepted[0]), tolerance.of_steps);
  EXPECT_NEAR(run.numbers.at(2), static_cast<double>(solution.rejected[0]), tolerance.of_steps);
  const int stages = tableau(model.options().solve.method).num_stages;
  EXPECT_NEAR(run.numbers.at(3), static_cast<double>(solution.nfe[0]), stages * tolerance.of_steps);
  const Normalization& units = model.normalization();
  for (std::size_t i = 0; i < query.times.size() * 2; ++i) {
    const double z = solution.states.at(static_cast<std::int64_t>(i));
    const double expected = units.state_offset[i % 2] + units.state_scale[i % 2] * z;
    EXPECT_NEAR(run.numbers.at(4 + i), expected, tolerance.of_states * units.state_scale[i % 2]);
  }
}

TEST(ExportModel, EveryMethodTakesTheLibrarysSteps) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  for (const Method method : explicit_methods()) {
    SCOPED_TRACE(name(method));
    const Form form{.has_inputs = true, .method = method, .activation = Activation::kSoftplus};
    const SeriesModel model = model_of(form);
    const Query query = query_of(form);
    const bool is_adaptive = tableau(method).has_error_estimate();
    const CRun run = run_model(model, query, {.prefix = "model", .math = CMath::kBuiltin},
                               is_adaptive ? kAdaptive : kFixed, test::fused_flag());
    check_solution(model, query, run, solution_of(model, query, model.solve_options()),
                   {.of_states = test::fuses() ? 0 : 1e-9});
  }
}

TEST(ExportModel, FloatsTakeTheStepsOfASolveInF32) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  for (const Method method : {Method::kDopri5, Method::kTsit5, Method::kBosh3}) {
    SCOPED_TRACE(name(method));
    const Form form{.has_inputs = true, .method = method};
    const SeriesModel model = model_of(form);
    const Query query = query_of(form);
    SolveOptions options = model.options().solve;
    options.dtype = Dtype::kF32;
    const CRun run = run_model(model, query, {.prefix = "model", .dtype = Dtype::kF32, .math = CMath::kBuiltin},
                               kAdaptive, test::fused_flag());
    // Times are doubles in both; the size of a step is a float here, which moves one of 56 steps of bosh3.
    check_solution(model, query, run, solution_of(model, query, options), {.of_states = 1e-4, .of_steps = 1});
  }
}

TEST(ExportModel, BackwardsInTime) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const Form form{.has_inputs = true, .periods = {2}};
  const SeriesModel model = model_of(form);
  Query query = query_of(form);
  std::ranges::reverse(query.times);
  const CRun run = run_model(model, query, {.prefix = "model", .math = CMath::kBuiltin}, kAdaptive, test::fused_flag());
  check_states(model, query, run, {.of_states = test::fuses() ? 0 : 1e-9});
}

TEST(ExportModel, StartsThatAreNotMeasured) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const Form form{.has_covariates = true, .hidden_states = 1, .unmeasured = {"z1"}};
  const SeriesModel model = model_of(form);
  Query query = query_of(form);
  query.start[1] = kNan;
  const CRun run = run_model(model, query, {.prefix = "model", .math = CMath::kBuiltin}, kAdaptive, test::fused_flag());
  check_states(model, query, run, {.of_states = 1e-12});
}

TEST(ExportModel, DelayedCopiesOfSamples) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const TimeSeries series = embed_delays(test::driven(), {.copies = 2, .lag = 3});
  FitConfig config = config_of(series);
  config.model.delay = 2;
  config.model.lag = 3;
  config.model.columns.inputs = {};
  const SeriesModel model(config.model, series, measure(series), 0);
  std::vector<double> samples;  // the last one is the first of the embedded series
  for (std::int64_t i = 0; i < 14; ++i) samples.push_back(test::driven().trajectories[0].states.at(i));
  const std::string main = "#include <stdio.h>\n#include \"model.h\"\n" + test::c_array("double", "samples", samples) +
                           "int main(void) {\n  double x[MODEL_MEASURED];\n  model_measured_of_samples(samples, x);\n"
                           "  fwrite(x, sizeof x, 1, stdout);\n  return MODEL_SAMPLES != 7;\n}\n";
  const Scratch scratch;
  const CRun run =
      run_c(scratch, {{"model.h", export_c(model, {.c = {.prefix = "model"}})}, {"main.c", main}}, test::kStrict);
  ASSERT_TRUE(run.is_built) << run.messages;
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.numbers, series.trajectories[0].states.row(0));
}

TEST(ExportModel, TheVjpIsThatOfTheRate) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const Form form{.has_inputs = true, .has_covariates = true, .periods = {5}, .hidden_states = 1};
  const SeriesModel model = model_of(form);
  const Query query = query_of(form);
  const std::string calls =  // central differences of the rate, which the vjp knows nothing of
      "  double a[MODEL_STATES] = {0.3, -1.2, 0.7}, by_state[MODEL_STATES] = {0}, by_input[MODEL_INPUTS] = {0};\n"
      "  double low[MODEL_STATES], high[MODEL_STATES], found;\n"
      "  (void)states; (void)report; (void)times;\n"
      "  status = model_rate_vjp(3.3, state, &drive, a, by_state, by_input);\n"
      "  put(status);\n"
      "  for (j = 0; j < MODEL_STATES; ++j) {\n"
      "    const double kept = state[j], h = 1e-5;\n"
      "    state[j] = kept + h;\n"
      "    model_rate(3.3, state, &drive, high);\n"
      "    state[j] = kept - h;\n"
      "    model_rate(3.3, state, &drive, low);\n"
      "    state[j] = kept;\n"
      "    for (found = 0, i = 0; i < MODEL_STATES; ++i) found += a[i] * (high[i] - low[i]) / (2 * h);\n"
      "    put(by_state[j]);\n"
      "    put(found);\n"
      "  }\n"
      "  put(by_input[0]);\n";
  const Scratch scratch;
  const CRun run = run_c(scratch,
                         {{"model.h", export_c(model, {.c = {.prefix = "model"}, .has_vjp = true})},
                          {"main.c", main_of(model, query, "double", calls)}},
                         test::kStrict);
  ASSERT_TRUE(run.is_built) << run.messages;
  ASSERT_EQ(run.numbers.size(), 8U);
  EXPECT_EQ(run.numbers[0], 0);
  for (std::size_t i = 1; i < 7; i += 2)
    EXPECT_NEAR(run.numbers[i], run.numbers[i + 1], 1e-7 * (1 + std::abs(run.numbers[i])));
  EXPECT_NE(run.numbers[7], 0);
}

TEST(ExportModel, EveryFailureHasItsStatus) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const Form form{.has_inputs = true};
  const SeriesModel model = model_of(form);
  const Query query = query_of(form);
  const std::string calls =
      "  const double back[] = {3, 4, 3.5}, nan_times[] = {3, NAN};\n"
      "  model_drive none = {0, 0, 0}, turned = {2, back + 1, inputs};\n"
      "  model_options options = model_default_options();\n"
      "#define SOLVE(from, at, n, by, with) put(model_solve(from, at, n, by, with, &states[0][0], &report))\n"
      "  SOLVE(state, times, TIMES, &drive, 0);\n"
      "  options.max_steps = 2; SOLVE(state, times, TIMES, &drive, &options);\n"
      "  options.max_steps = 0; SOLVE(state, times, TIMES, &drive, &options);\n"
      "  options = model_default_options(); options.rtol = -1; SOLVE(state, times, TIMES, &drive, &options);\n"
      "  SOLVE(state, back, 3, &drive, 0);\n"
      "  SOLVE(state, nan_times, 2, &drive, 0);\n"
      "  SOLVE(state, times, 0, &drive, 0);\n"
      "  SOLVE(state, times, TIMES, &none, 0);\n"
      "  SOLVE(state, times, TIMES, &turned, 0);\n"
      "  SOLVE(state, times, TIMES, 0, 0);\n"
      "  put(model_solve_fixed(state, times, TIMES, -1, &drive, &states[0][0], 0));\n"
      "  state[0] = NAN; SOLVE(state, times, TIMES, &drive, 0);\n"
      "  state[0] = 1e308; SOLVE(state, times, TIMES, &drive, 0);\n"
      "  (void)i; (void)status;\n"
      "  return model_status_text(99)[0] != 'u';\n";
  const CRun run = run_model(model, query, {.prefix = "model"}, calls);
  ASSERT_TRUE(run.is_built) << run.messages;
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.numbers, (std::vector<double>{0, 1, 7, 7, 4, 4, 4, 6, 6, 6, 7, 5, 3}));
}

TEST(ExportModel, TwoModelsLinkTogether) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const SeriesModel left = model_of({}), right = model_of({.method = Method::kTsit5});
  const Scratch scratch;
  const CRun run =
      run_c(scratch,
            {{"left.h", export_c(left, {.c = {.prefix = "left"}})},
             {"right.h", export_c(right, {.c = {.prefix = "right", .math = CMath::kBuiltin}})},
             {"one.c",
              "#include \"left.h\"\n#include \"right.h\"\nint one(const double *x, double *r);\n"
              "int one(const double *x, double *r) { return left_rate(0, x, r) + right_rate(0, x, r); }\n"},
             {"main.c",
              "#include <stdio.h>\n#include \"right.h\"\nint one(const double *x, double *r);\n"
              "int main(void) {\n  double x[2] = {0.1, 20}, a[2] = {0}, b[2] = {0};\n"
              "  int bad = one(x, a) + right_rate(0, x, b);\n  return bad != 0 || a[0] != b[0];\n}\n"}},
            test::kStrict);
  EXPECT_TRUE(run.is_built) << run.messages;
  EXPECT_EQ(run.exit_code, 0);
}

TEST(ExportModel, IsCPlusPlusAndHasNoUndefinedBehaviour) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const Form form{.has_inputs = true, .has_covariates = true, .has_events = true, .periods = {3}, .hidden_states = 1};
  const SeriesModel model = model_of(form);
  const Query query = query_of(form);
  for (const CMath math : {CMath::kLibm, CMath::kBuiltin})
    for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
      const std::string header =
          export_c(model, {.c = {.prefix = "model", .dtype = dtype, .math = math}, .has_vjp = true});
      const std::string main = main_of(model, query, dtype == Dtype::kF32 ? "float" : "double", kAdaptive);
      const Scratch scratch;
      const CRun run = run_c(scratch, {{"model.h", header}, {"main.c", main}}, test::kSanitized);
      ASSERT_TRUE(run.is_built) << run.messages;
      EXPECT_EQ(run.exit_code, 0) << run.messages;
      const CRun as_cpp = test::build_c(scratch, {{"model.h", header}, {"main.c", main}}, test::kStrictCpp);
      EXPECT_TRUE(as_cpp.is_built) << as_cpp.messages;
    }
}

TEST(ExportModel, NamesInCommentsAreHarmless) {
  TimeSeries series = test::driven();
  series.state_names = {"x*?\?/", "y,\x01\u202Ez\u2066\t\u0085"};
  const SeriesModel model = model_of({}, series);
  const std::string source = export_c(model, {.c = {.prefix = "model"}});
  EXPECT_NE(source.find(R"(x*?\u003F/, "y,\u0001\u202Ez\u2066\u0009\u0085")"), std::string::npos);
  for (const char* part : {"?\?", "\x01", "\u202E", "\u2066", "\t", "\u0085"})
    EXPECT_EQ(source.find(part), std::string::npos) << part;
  const std::string module = export_numpy(model, Dtype::kF64);
  EXPECT_NE(module.find("x*?\?/, "
                        R"(\"y,\\u0001\\u202Ez\\u2066\\u0009\\u0085\")"),
            std::string::npos);
}

TEST(ExportModel, ImplicitMethodsAreRefusedByName) {
  const SeriesModel model = model_of({.method = Method::kRodas5p});
  const Scratch scratch;
  for (const ExportTarget target : {ExportTarget::kC, ExportTarget::kPython, ExportTarget::kTorch, ExportTarget::kFmu})
    EXPECT_ERROR(write_export(model, target, {.c = {.prefix = "model"}}, scratch / "model"), NotSupported,
                 "the model solves by 'rodas5p', and only explicit Runge-Kutta methods have source");
}

TEST(ExportModel, ReplacesAnEarlierExportAndNothingElse) {
  const Scratch scratch;
  const SeriesModel model = model_of({});
  write_export(model, ExportTarget::kC, {.c = {.prefix = "model"}}, scratch / "model.h");
  write_export(model, ExportTarget::kC, {.c = {.prefix = "model"}}, scratch / "model.h");
  scratch.write("notes.h", "mine\n");
  EXPECT_ERROR(write_export(model, ExportTarget::kC, {.c = {.prefix = "model"}}, scratch / "notes.h"), InvalidArgument,
               "notes.h' is there and no earlier export; choose another file, or remove it.");
  scratch.write("notes.py", "# as in model.py, Made by Costate\n");
  EXPECT_ERROR(write_export(model, ExportTarget::kPython, {.c = {.prefix = "model"}}, scratch / "notes.py"),
               InvalidArgument, "notes.py' is there and no earlier export");
  EXPECT_ERROR(export_target_from_name("C"), InvalidArgument, "unknown target 'C'");
  EXPECT_EQ(prefix_of("runs/my pendulum/"), "my_pendulum");
  EXPECT_EQ(prefix_of("runs/2024"), "x2024");
}

}  // namespace
}  // namespace costate

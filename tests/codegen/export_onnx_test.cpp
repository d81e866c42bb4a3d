// Traced functions and models as ONNX, run by onnxruntime: COSTATE_ONNX_PYTHON names a Python that has it and onnx.
#include "costate/codegen/export_onnx.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <set>

#include "costate/codegen/export_model.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/convolution.h"
#include "costate/nn/nn.h"
#include "costate/operations/linear_solve.h"
#include "tests/codegen/c_program.h"
#include "tests/codegen/models.h"
#include "tests/codegen/other_python.h"
#include "tests/codegen/target_functions.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using test::Form;
using test::Scratch;

std::string onnx_python() { return test::named_python("COSTATE_ONNX_PYTHON"); }

bool has_onnx() { return test::imports(onnx_python(), "onnx, onnxruntime"); }

/// A model, and what it is run on.
struct OnnxRun {
  std::string model;
  std::vector<HostArray> inputs;
  Dtype dtype;
};

constexpr const char* kScript = R"(import sys
import numpy as np, onnx, onnxruntime
folder, runs = sys.argv[1], sys.argv[2:]  # a run: float64/57 for 57 samples
for i, (dtype, samples) in enumerate(run.split('/') for run in runs):
    dtype, samples = np.dtype(dtype), int(samples)
    path = f'{folder}/{i}.onnx'
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8 and [o.version for o in model.opset_import] == [17]
    assert {tensor.name for tensor in model.graph.initializer} <= {name for node in model.graph.node for name in node.input}
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    given, at = np.fromfile(f'{folder}/{i}.inputs'), 0
    feed = {}
    for entry in session.get_inputs():
        assert entry.shape[0] == 'batch', entry.shape
        shape = [samples, *entry.shape[1:]]
        feed[entry.name] = given[at:at + int(np.prod(shape))].reshape(shape).astype(np.float64 if entry.type == 'tensor(double)' else dtype)
        at += int(np.prod(shape))
    results = session.run(None, feed)
    for result, entry in zip(results, session.get_outputs()):
        assert result.dtype == dtype and list(result.shape) == [samples, *entry.shape[1:]], (i, result.shape, entry.shape)
    np.concatenate([result.astype(float).ravel() for result in results]).tofile(f'{folder}/{i}.outputs')
)";

/// What onnxruntime makes of each, in one process: to start it takes longer than most runs.
std::vector<std::vector<double>> run_onnx(const std::vector<OnnxRun>& runs) {
  const Scratch scratch;
  scratch.write("run.py", kScript);
  std::string command = onnx_python() + " " + (scratch / "run.py").string() + " " + scratch.folder().string();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::string bytes;
    for (const HostArray& input : runs[i].inputs) {
      const std::vector<double> numbers = input.numbers();
      bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double));
    }
    scratch.write(text::concat(i, ".onnx"), runs[i].model);
    scratch.write(text::concat(i, ".inputs"), bytes);
    command += text::concat(" ", runs[i].dtype == Dtype::kF32 ? "float32/" : "float64/", runs[i].inputs[0].shape()[0]);
  }
  command += " > " + (scratch / "log").string() + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << test::read_text(scratch / "log");
  std::vector<std::vector<double>> found;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string out = test::read_text(scratch / text::concat(i, ".outputs"));
    std::vector<double>& numbers = found.emplace_back(out.size() / sizeof(double));
    std::copy_n(out.data(), numbers.size() * sizeof(double), reinterpret_cast<char*>(numbers.data()));
  }
  return found;
}

struct OnnxCheck {
  Function function;
  double low, high;  // of inputs
  double ulps;       // by which a number may be off, of the largest one of its row of an output
  std::vector<Dtype> dtypes;
};

std::vector<HostArray> drawn_inputs(const OnnxCheck& check, std::int64_t samples) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> draw(check.low, check.high);
  std::vector<HostArray> inputs;
  for (const Input& input : check.function.inputs()) {
    if (input.parameter) continue;
    HostArray& array = inputs.emplace_back(input.shape.with_first(samples));
    for (std::int64_t i = 0; i < array.size(); ++i) array.set(i, static_cast<float>(draw(random)));
  }
  return inputs;
}

void expect_outputs(const OnnxCheck& check, const OnnxRun& run, const std::vector<double>& found) {
  const double eps = run.dtype == Dtype::kF32 ? 0x1p-23 : 0x1p-52;
  const std::int64_t samples = run.inputs[0].shape()[0];
  std::size_t at = 0;
  for (const HostArray& output : compile(check.function, {.dtype = run.dtype}).run(run.inputs).outputs)
    for (std::int64_t row = 0; row < samples; ++row) {
      double largest = 1e-30, off = 0;
      for (std::int64_t j = 0; j < output.size() / samples; ++j, ++at) {
        const double known = output.at(row * (output.size() / samples) + j);
        largest = std::max(largest, std::abs(known));
        off = std::max(off, std::abs(found.at(at) - known));
      }
      EXPECT_LE(off, check.ulps * eps * largest);
    }
  EXPECT_EQ(at, found.size());
}

/// Against the library, for one sample and for several.
void check_onnx(const std::vector<OnnxCheck>& checks) {
  if (!has_onnx()) GTEST_SKIP() << "needs Python with onnx and onnxruntime (COSTATE_ONNX_PYTHON)";
  std::vector<OnnxRun> runs;
  std::vector<const OnnxCheck*> check_of;
  for (const OnnxCheck& check : checks)
    for (const Dtype dtype : check.dtypes)
      for (const std::int64_t samples : {1, 57}) {
        runs.push_back({export_onnx(check.function, {.dtype = dtype}), drawn_inputs(check, samples), dtype});
        check_of.push_back(&check);
      }
  const std::vector<std::vector<double>> found = run_onnx(runs);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    SCOPED_TRACE(text::concat("check ", check_of[i] - checks.data(), " in ", name(runs[i].dtype)));
    expect_outputs(*check_of[i], runs[i], found[i]);
  }
}

const std::vector<Dtype> kBoth = {Dtype::kF32, Dtype::kF64};

TEST(ExportOnnx, NetsGradientsAndStructure) {
  const Mlp net({.inputs = 4, .hidden = {16, 16}, .outputs = 4, .seed = 5});
  const Function field = trace([&](Array t, Array z) { return net(z) * cos(t); }, {{"t", {}}, {"z", {4}}});
  const Function structure = test::structure_operations();
  const std::vector<std::size_t> wrt = {1}, all = {0, 1, 2};
  check_onnx({{field, -2, 2, 64, kBoth},
              {vjp(field, wrt), -2, 2, 256, kBoth},
              {jacobian(field, wrt), -2, 2, 256, kBoth},
              {structure, -2, 2, 32, kBoth},
              {vjp(structure, all), -2, 2, 64, kBoth},
              {test::pool_operations(), -2, 2, 64, kBoth}});  // sums of 20 numbers in another order
}

TEST(ExportOnnx, ElementwiseOperations) {
  // Functions without an operator of ONNX that are made of others.
  const std::set<std::string_view> composed = {"expm1", "log1p", "softplus", "tan", "sinh", "cosh", "equal"};
  const auto is_of_f32 = [](const OpInfo& op) { return op.names.onnx_types == OnnxTypes::kF32; };
  const auto is_refused = [&](const OpInfo& op) {
    return !op.names.onnx.empty() && op.names.onnx_types == OnnxTypes::kNone && !composed.contains(op.name);
  };
  const auto is_of_both = [&](const OpInfo& op) { return !is_refused(op) && !is_of_f32(op); };
  check_onnx({{test::elementwise_operations(is_of_both), 0, 1, 32, kBoth},
              {test::elementwise_operations(is_of_f32), 0, 1, 32, {Dtype::kF32}}});
  for (const OpInfo& refused : kOpTable)
    if (is_of_f32(refused) || is_refused(refused))
      EXPECT_ERROR(export_onnx(test::elementwise_operations([&](const OpInfo& op) { return op.name == refused.name; }),
                               {.dtype = Dtype::kF64}),
                   NotSupported, text::concat("[export] ONNX has no form for '", refused.name, "' in f64"));
}

TEST(ExportOnnx, ModelsAsTheLibrarySolvesThem) {
  if (!has_onnx()) GTEST_SKIP() << "needs Python with onnx and onnxruntime (COSTATE_ONNX_PYTHON)";
  constexpr std::int64_t kSteps = 12;
  struct Expected {
    std::vector<std::vector<double>> states, slopes;  // the slopes of models without a drive or a clock
    std::vector<double> scale;
  };
  std::vector<OnnxRun> runs;  // of each model its solve, then its rate
  std::vector<Expected> expected;
  for (const Form& form :
       {Form{.method = Method::kRk4}, Form{.has_inputs = true, .method = Method::kRk4},
        Form{.has_inputs = true, .interpolation = Interpolation::kHold, .method = Method::kRk4Classic},
        Form{.has_covariates = true, .periods = {1.7, 4}, .hidden_states = 1, .method = Method::kHeun3}}) {
    const SeriesModel model = test::model_of(form);
    const auto z = static_cast<std::int64_t>(model.num_states());
    SeriesModel::Query query{.start = {0.4, 21}, .times = {3}};
    if (z == 3) query.start.push_back(0.2);
    std::vector<HostArray> inputs = {HostArray(Shape{1, z}, query.start), HostArray(Shape{1}, std::vector{0.25})};
    if (!form.periods.empty()) inputs.push_back(HostArray(Shape{1}, std::vector{3.0}));
    for (std::int64_t k = 1; k <= kSteps; ++k) query.times.push_back(3 + 0.25 * static_cast<double>(k));
    if (form.has_inputs) {
      query.input_times = query.times;
      query.inputs = test::driven().trajectories[0].inputs.slice(0, kSteps + 1);
      inputs.push_back(query.inputs.reshape({1, kSteps + 1, 1}));
    }
    if (form.has_covariates) {
      query.covariates = {80};
      inputs.push_back(HostArray(Shape{1, 1}, query.covariates));
    }
    const CExportOptions f64{.prefix = "m", .dtype = Dtype::kF64};
    runs.push_back({export_onnx(model, {.c = f64, .steps = kSteps}), inputs, Dtype::kF64});
    inputs.erase(inputs.begin() + 1);
    if (form.has_inputs) inputs.back() = query.inputs.slice(0, 1);
    runs.push_back({export_onnx(model, {.c = f64}), inputs, Dtype::kF64});
    expected.push_back({.states = model.predict(query),  // one step from each time to the next
                        .slopes = {},
                        .scale = model.normalization().state_scale});
    if (!form.has_inputs && form.periods.empty()) expected.back().slopes = model.slopes({{0.4, 21}});
  }
  const std::vector<std::vector<double>> found = run_onnx(runs);
  for (std::size_t of = 0; of < expected.size(); ++of) {
    SCOPED_TRACE(text::concat("model ", of));
    const auto& [states, slopes, scale] = expected[of];
    const auto z = static_cast<std::size_t>(runs[2 * of].inputs[0].size());
    ASSERT_EQ(found[2 * of].size(), states.size() * z);
    for (std::size_t i = 0; i < states.size(); ++i)
      for (std::size_t k = 0; k < 2; ++k)
        EXPECT_NEAR(found[2 * of][i * z + k], states[i][k], 1e-10 * scale[k]) << "time " << i;
    for (std::size_t k = 0; !slopes.empty() && k < 2; ++k)
      EXPECT_NEAR(found[2 * of + 1].at(k), slopes[0][k], 1e-12 * scale[k]);
  }
}

TEST(ExportOnnx, ClocksReadTheTimeInDouble) {
  if (!has_onnx()) GTEST_SKIP() << "needs Python with onnx and onnxruntime (COSTATE_ONNX_PYTHON)";
  const SeriesModel model = test::model_of({.periods = {86400}, .method = Method::kRk4});
  const std::vector<HostArray> inputs = {HostArray(Shape{1, 2}, std::vector{0.4, 21.0}),
                                         HostArray(Shape{1}, std::vector{1.7e9 + 12345})};  // seconds since 1970
  std::vector<OnnxRun> runs;
  for (const Dtype dtype : kBoth) runs.push_back({export_onnx(model, {.c = {.dtype = dtype}}), inputs, dtype});
  const std::vector<std::vector<double>> found = run_onnx(runs);
  ASSERT_EQ(found[0].size(), 2U);
  for (std::size_t k = 0; k < 2; ++k)
    EXPECT_NEAR(found[0][k], found[1][k], 1e-5 * model.normalization().state_scale[k]);
}

TEST(ExportOnnx, RefusesWhatItHasNoFormFor) {
  const Function root = trace([](Array a, Array b) { return linear_solve(a, b); }, {{"a", {2, 2}}, {"b", {2}}});
  EXPECT_ERROR(export_onnx(root), NotSupported, "[export] ONNX has no form for 'linear_solve' in f32.");
  EXPECT_ERROR(export_onnx(test::model_of({.has_events = true}), {}), NotSupported,
               "[export] a model with events cannot be exported to this target; 'c' and 'python' take it.");
  EXPECT_ERROR(export_onnx(test::model_of({.has_inputs = true, .interpolation = Interpolation::kCubic}), {.steps = 3}),
               NotSupported, "a model whose inputs run on cubics has no unrolled solve");
}

}  // namespace
}  // namespace costate

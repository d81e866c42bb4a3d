// Traced functions and models as ONNX, run by onnxruntime: COSTATE_ONNX_PYTHON names a Python that has it and onnx.
#include "costate/codegen/export_onnx.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

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

constexpr const char* kScript = R"(import sys
import numpy as np, onnx, onnxruntime
folder, dtype, samples = sys.argv[1], np.dtype(sys.argv[2]), int(sys.argv[3])
model = onnx.load(folder + '/f.onnx')
onnx.checker.check_model(model, full_check=True)
assert model.ir_version == 8 and [o.version for o in model.opset_import] == [17]
assert {tensor.name for tensor in model.graph.initializer} <= {name for node in model.graph.node for name in node.input}
session = onnxruntime.InferenceSession(folder + '/f.onnx', providers=['CPUExecutionProvider'])
given, at = np.fromfile(folder + '/inputs'), 0
feed = {}
for entry in session.get_inputs():
    assert entry.shape[0] == 'batch', entry.shape
    shape = [samples, *entry.shape[1:]]
    feed[entry.name] = given[at:at + int(np.prod(shape))].reshape(shape).astype(dtype)
    at += int(np.prod(shape))
results = session.run(None, feed)
for result, entry in zip(results, session.get_outputs()):
    assert result.dtype == dtype and list(result.shape) == [samples, *entry.shape[1:]], (result.shape, entry.shape)
np.concatenate([result.astype(float).ravel() for result in results]).tofile(folder + '/outputs')
)";

/// What onnxruntime makes of the inputs.
std::vector<double> run_onnx(const std::string& model, const std::vector<HostArray>& inputs, Dtype dtype) {
  const Scratch scratch;
  std::string bytes;
  for (const HostArray& input : inputs) {
    const std::vector<double> numbers = input.numbers();
    bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double));
  }
  scratch.write("f.onnx", model);
  scratch.write("inputs", bytes);
  scratch.write("run.py", kScript);
  const std::string command = text::concat(onnx_python(), " ", (scratch / "run.py").string(), " ",
                                           scratch.folder().string(), " ", dtype == Dtype::kF32 ? "float32" : "float64",
                                           " ", inputs[0].shape()[0], " > ", (scratch / "log").string(), " 2>&1");
  EXPECT_EQ(std::system(command.c_str()), 0) << test::read_text(scratch / "log");
  const std::string out = test::read_text(scratch / "outputs");
  std::vector<double> numbers(out.size() / sizeof(double));
  std::copy_n(out.data(), numbers.size() * sizeof(double), reinterpret_cast<char*>(numbers.data()));
  return numbers;
}

/// Against the library, in its roundings of the largest number of a row of an output.
void check_onnx(const Function& function, double low, double high, double ulps, std::vector<Dtype> dtypes) {
  if (!has_onnx()) GTEST_SKIP() << "needs Python with onnx and onnxruntime (COSTATE_ONNX_PYTHON)";
  for (const Dtype dtype : dtypes)
    for (const std::int64_t samples : {1, 57}) {
      SCOPED_TRACE(name(dtype));
      std::mt19937_64 random(3);
      std::uniform_real_distribution<double> draw(low, high);
      std::vector<HostArray> inputs;
      for (const Input& input : function.inputs()) {
        if (input.parameter) continue;
        HostArray& array = inputs.emplace_back(input.shape.with_first(samples));
        for (std::int64_t i = 0; i < array.size(); ++i) array.set(i, static_cast<float>(draw(random)));
      }
      const std::vector<double> found = run_onnx(export_onnx(function, {.dtype = dtype}), inputs, dtype);
      const double eps = dtype == Dtype::kF32 ? 0x1p-23 : 0x1p-52;
      std::size_t at = 0;
      for (const HostArray& output : compile(function, {.dtype = dtype}).run(inputs).outputs)
        for (std::int64_t row = 0; row < samples; ++row) {
          double largest = 1e-30, off = 0;
          for (std::int64_t j = 0; j < output.size() / samples; ++j, ++at) {
            const double known = output.at(row * (output.size() / samples) + j);
            largest = std::max(largest, std::abs(known));
            off = std::max(off, std::abs(found.at(at) - known));
          }
          EXPECT_LE(off, ulps * eps * largest);
        }
      EXPECT_EQ(at, found.size());
    }
}

const std::vector<Dtype> kBoth = {Dtype::kF32, Dtype::kF64};

TEST(ExportOnnx, NetsGradientsAndStructure) {
  const Mlp net({.inputs = 4, .hidden = {16, 16}, .outputs = 4, .seed = 5});
  const Function field = trace([&](Array t, Array z) { return net(z) * cos(t); }, {{"t", {}}, {"z", {4}}});
  check_onnx(field, -2, 2, 64, kBoth);
  const std::vector<std::size_t> wrt = {1};
  check_onnx(vjp(field, wrt), -2, 2, 256, kBoth);
  check_onnx(jacobian(field, wrt), -2, 2, 256, kBoth);
  const Function structure = test::structure_operations();
  check_onnx(structure, -2, 2, 32, kBoth);
  const std::vector<std::size_t> all = {0, 1, 2};
  check_onnx(vjp(structure, all), -2, 2, 64, kBoth);
  check_onnx(test::pool_operations(), -2, 2, 64, kBoth);  // sums of 20 numbers in another order
}

TEST(ExportOnnx, ElementwiseOperations) {
  const auto is_refused = [](std::string_view op) { return op == "mod" || op == "atan2"; };
  const auto is_of_f32 = [](std::string_view op) {
    return op == "erf" || op == "asin" || op == "acos" || op == "atan";
  };
  check_onnx(test::elementwise_operations([&](std::string_view op) { return !is_refused(op) && !is_of_f32(op); }), 0, 1,
             32, kBoth);
  check_onnx(test::elementwise_operations(is_of_f32), 0, 1, 32, {Dtype::kF32});
  for (const char* op : {"erf", "asin", "acos", "atan", "mod", "atan2"})
    EXPECT_ERROR(export_onnx(test::elementwise_operations([&](std::string_view name) { return name == op; }),
                             {.dtype = Dtype::kF64}),
                 NotSupported, text::concat("[export] ONNX has no form for '", op, "' in f64"));
}

TEST(ExportOnnx, ModelsAsTheLibrarySolvesThem) {
  if (!has_onnx()) GTEST_SKIP() << "needs Python with onnx and onnxruntime (COSTATE_ONNX_PYTHON)";
  for (const Form& form :
       {Form{.method = Method::kRk4}, Form{.has_inputs = true, .method = Method::kRk4},
        Form{.has_inputs = true, .interpolation = Interpolation::kHold, .method = Method::kRk4Classic},
        Form{.has_covariates = true, .periods = {1.7, 4}, .hidden_states = 1, .method = Method::kHeun3}}) {
    const SeriesModel model = test::model_of(form);
    const std::int64_t steps = 12, z = static_cast<std::int64_t>(model.num_states());
    SeriesModel::Query query{.start = {0.4, 21}, .times = {3}};
    if (z == 3) query.start.push_back(0.2);
    std::vector<HostArray> inputs = {HostArray(Shape{1, z}, query.start), HostArray(Shape{1}, std::vector{0.25})};
    if (!form.periods.empty()) inputs.push_back(HostArray(Shape{1}, std::vector{3.0}));
    for (std::int64_t k = 1; k <= steps; ++k) query.times.push_back(3 + 0.25 * static_cast<double>(k));
    if (form.has_inputs) {
      query.input_times = query.times;
      query.inputs = test::driven().trajectories[0].inputs.slice(0, steps + 1);
      inputs.push_back(query.inputs.reshape({1, steps + 1, 1}));
    }
    if (form.has_covariates) {
      query.covariates = {80};
      inputs.push_back(HostArray(Shape{1, 1}, query.covariates));
    }
    const std::string bytes = export_onnx(model, {.c = {.prefix = "m", .dtype = Dtype::kF64}, .steps = steps});
    const std::vector<double> found = run_onnx(bytes, inputs, Dtype::kF64);
    const auto expected = model.predict(query);  // one step from each time to the next
    ASSERT_EQ(found.size(), static_cast<std::size_t>((steps + 1) * z));
    for (std::size_t i = 0; i < expected.size(); ++i)
      for (std::size_t k = 0; k < 2; ++k)
        EXPECT_NEAR(found[i * static_cast<std::size_t>(z) + k], expected[i][k],
                    1e-10 * model.normalization().state_scale[k])
            << "time " << i;
    inputs.erase(inputs.begin() + 1);
    if (form.has_inputs) inputs.back() = query.inputs.slice(0, 1);
    const std::vector<double> rate = run_onnx(export_onnx(model, {.c = {.dtype = Dtype::kF64}}), inputs, Dtype::kF64);
    for (std::size_t k = 0; !form.has_inputs && form.periods.empty() && k < 2; ++k)
      EXPECT_NEAR(rate[k], model.slopes({{0.4, 21}})[0][k], 1e-12 * model.normalization().state_scale[k]);
  }
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

// Traced functions as C: against the library's own runs of them.
#include "costate/codegen/export_c.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/convolution.h"
#include "costate/nn/nn.h"
#include "costate/operations/interpolate.h"
#include "costate/operations/linear_solve.h"
#include "tests/codegen/c_program.h"
#include "tests/codegen/target_functions.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using test::CRun;
using test::run_c;
using test::Scratch;

constexpr std::size_t kSamples = 1000;

/// One way to export a function.
struct Variant {
  Dtype dtype;
  CMath math;

  std::string prefix() const { return name(dtype) + "_" + name(math); }
};

/// In both types.
std::vector<Variant> variants_of(const std::vector<CMath>& maths) {
  std::vector<Variant> variants;
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32})
    for (const CMath math : maths) variants.push_back({dtype, math});
  return variants;
}

/// "run_f64_libm": calls the exported function for each sample of `given`, all inputs in a row, and writes its outputs.
std::string runner_of(const Variant& variant, const Function& function, const std::vector<HostArray>& inputs) {
  const std::string real = variant.dtype == Dtype::kF32 ? "float" : "double";
  std::string reads, call, writes;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::int64_t size = inputs[i].shape().without_first().size();
    reads += text::concat("    ", real, " in", i, "[", size, "];\n    for (j = 0; j < ", size, "; ++j) in", i,
                          "[j] = (", real, ")given[", first, " + i * ", size, " + j];\n");
    call += text::concat("in", i, ", ");
    first += inputs[i].size();
  }
  for (std::size_t i = 0; i < function.outputs().size(); ++i) {
    const std::int64_t size = function.output_shape(i).size();
    reads += text::concat("    ", real, " out", i, "[", size, "];\n");
    call += text::concat("out", i, ", ");
    writes += text::concat("    for (j = 0; j < ", size, "; ++j) { double x = (double)out", i,
                           "[j]; fwrite(&x, sizeof x, 1, stdout); }\n");
  }
  return text::concat("static void run_", variant.prefix(), "(void) {\n  int i, j;\n  for (i = 0; i < ", kSamples,
                      "; ++i) {\n", reads, "    ", variant.prefix(), "_function(", call.substr(0, call.size() - 2),
                      ");\n", writes, "  }\n}\n");
}

/// Exports every variant, and the program that runs one after the other.
std::vector<std::pair<std::string, std::string>> program_of(const std::vector<Variant>& variants,
                                                            const Function& function,
                                                            const std::vector<HostArray>& inputs,
                                                            const Scratch& scratch) {
  std::vector<std::pair<std::string, std::string>> files;
  std::string includes, runners, calls, numbers;
  for (const Variant& variant : variants) {
    const std::string prefix = variant.prefix();
    files.emplace_back(prefix + ".h",
                       export_c(function, {.prefix = prefix, .dtype = variant.dtype, .math = variant.math}));
    includes += "#include \"" + prefix + ".h\"\n";
    runners += runner_of(variant, function, inputs);
    calls += "  run_" + prefix + "();\n";
  }
  for (const HostArray& input : inputs)
    for (const double number : input.numbers()) numbers.append(reinterpret_cast<const char*>(&number), sizeof number);
  files.emplace_back("inputs", numbers);
  files.emplace_back("main.c", text::concat("#include <stdio.h>\n", includes, "static double given[",
                                            numbers.size() / sizeof(double), "];\n", runners,
                                            "int main(void) {\n  FILE *file = fopen(\"", (scratch / "inputs").string(),
                                            "\", \"rb\");\n  if (file == NULL || fread(given, sizeof given, 1, file) "
                                            "!= 1) return 9;\n  fclose(file);\n",
                                            calls, "  return 0;\n}\n"));
  return files;
}

/// The largest difference to the library's outputs, in its roundings of the largest number of a row of an output.
/// What the program wrote begins `at` that number, which moves on.
double worst_of(const Function& function, const std::vector<HostArray>& inputs, Dtype dtype, const CRun& run,
                std::size_t& at) {
  const RunResult expected = compile(function, {.dtype = dtype}).run(inputs);
  const double eps = dtype == Dtype::kF32 ? 0x1p-23 : 0x1p-52;
  double worst = 0;
  for (std::size_t i = 0; i < kSamples; ++i)
    for (const HostArray& output : expected.outputs) {
      const auto size = static_cast<std::size_t>(output.size()) / kSamples;
      double largest = 0, off = 0;
      for (std::size_t j = 0; j < size; ++j, ++at) {
        const double known = output.at(static_cast<std::int64_t>(i * size + j));
        largest = std::max(largest, std::abs(known));
        const double difference = std::abs(run.numbers.at(at) - known);
        off = std::max(off, std::isnan(difference) ? HUGE_VAL : difference);
      }
      worst = std::max(worst, off == 0 ? 0 : off / (eps * std::max(largest, 1e-30)));
    }
  return worst;
}

/// Exports with every type and library, builds all as one program and runs it; the built-in functions must give the
/// library's bits.
void check_function(const Function& function, double low, double high, double ulps,
                    std::vector<CMath> maths = {CMath::kLibm, CMath::kBuiltin}, bool fuses = test::fuses()) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const Scratch scratch;
  const std::vector<HostArray> inputs = testing::draw_inputs(function, kSamples, low, high, 7);
  const std::vector<Variant> variants = variants_of(maths);
  const CRun run = run_c(scratch, program_of(variants, function, inputs, scratch),
                         test::kStrict + std::string(fuses ? test::fused_flag() : ""));
  ASSERT_TRUE(run.is_built) << run.messages;
  ASSERT_EQ(run.exit_code, 0) << run.messages;
  std::size_t at = 0;
  for (const Variant& variant : variants) {
    SCOPED_TRACE(variant.prefix());
    const double worst = worst_of(function, inputs, variant.dtype, run, at);
    const bool has_bits = variant.math == CMath::kBuiltin && fuses;
    EXPECT_LE(worst, has_bits ? 0 : ulps);
  }
  EXPECT_EQ(at, run.numbers.size());
}

TEST(ExportC, ANetHasTheLibrarysBits) {
  const Mlp net({.inputs = 5, .hidden = {24, 24}, .outputs = 5, .seed = 3});
  check_function(trace([&](Array t, Array z) { return net(z) * cos(t); }, {{"t", {}}, {"z", {5}}}), -2, 2, 64);
}

TEST(ExportC, NamesOfParametersAndInputsMeetNoOthers) {
  const Parameter w("tanh", HostArray::vector({0.5, 2})), b("function", HostArray::vector({1, -1}));
  check_function(trace([&](Array i, Array out0) { return tanh(i * w + b) + out0; }, {{"int", {2}}, {"w", {2}}}), -2, 2,
                 64);
}

TEST(ExportC, EveryActivationHasTheLibrarysBits) {
  std::vector<Mlp> nets;
  for (const Activation activation : {Activation::kRelu, Activation::kSigmoid, Activation::kSoftplus, Activation::kElu,
                                      Activation::kSilu, Activation::kSin})
    nets.emplace_back(MlpOptions{.inputs = 3, .hidden = {16, 16}, .outputs = 2, .activation = activation, .seed = 1});
  check_function(trace(
                     [&](Array z) {
                       std::vector<Array> all;
                       for (const Mlp& net : nets) all.push_back(net(z));
                       return all;
                     },
                     {{"z", {3}}}),
                 -3, 3, 64);
}

TEST(ExportC, AGradientIsAFunctionLikeAnother) {
  const Mlp net({.inputs = 4, .hidden = {16}, .outputs = 4, .seed = 5});
  const Function loss = trace([&](Array z) { return sum(net(z) * net(z)); }, {{"z", {4}}});
  const std::vector<std::size_t> wrt = {0};
  check_function(value_and_grad(loss, wrt), -2, 2, 256);
  const Function field = trace([&](Array z) { return net(z); }, {{"z", {4}}});
  check_function(vjp(field, wrt), -2, 2, 256);
  check_function(jacobian(field, wrt), -2, 2, 256);
}

TEST(ExportC, GradientsOfParametersAreTheOneSamples) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const Mlp net({.inputs = 2, .hidden = {4}, .outputs = 1, .seed = 5});
  const Function loss = trace([&](Array z) { return sum(net(z)); }, {{"z", {2}}});
  const Function gradient = value_and_grad(loss, net.parameters());
  const HostArray z(Shape{1, 2}, std::vector<double>{0.3, -0.7});
  const RunResult expected = compile(gradient).run({z});
  const Scratch scratch;
  std::string main = "#include <stdio.h>\n#include \"model.h\"\nint main(void) {\n  const double z[2] = {0.3, -0.7};\n",
              call;
  std::string writes;
  for (std::size_t i = 0; i < gradient.outputs().size(); ++i) {
    main += text::concat("  double o", i, "[", gradient.output_shape(i).size(), "];\n");
    call += text::concat(", o", i);
    writes += text::concat("  fwrite(o", i, ", sizeof o", i, ", 1, stdout);\n");
  }
  const CRun run = run_c(scratch,
                         {{"model.h", export_c(gradient)},
                          {"main.c", main + "  model_function(z" + call + ");\n" + writes + "  return 0;\n}\n"}},
                         test::kStrict);
  ASSERT_TRUE(run.is_built) << run.messages;
  std::size_t at = 0;
  for (const HostArray& output : expected.outputs)
    for (std::int64_t i = 0; i < output.size(); ++i) EXPECT_NEAR(run.numbers.at(at++), output.at(i), 1e-14);
  EXPECT_EQ(at, run.numbers.size());
}

TEST(ExportC, EveryElementwiseOperation) {
  // Of math.h's functions these are in the built-in source, with the library's bits.
  const std::set<std::string_view> built_in = {"floor", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh"};
  const auto is_of_libm = [&](const OpInfo& op) {
    return op.name == "pow" || op.name == "mod" || (!op.names.libm.empty() && !built_in.contains(op.name));
  };
  check_function(test::elementwise_operations([&](const OpInfo& op) { return !is_of_libm(op); }), 0, 1, 8);
  check_function(test::elementwise_operations(is_of_libm), 0, 1, 8, {CMath::kLibm});
}

TEST(ExportC, ElementaryFunctionsWithoutFusedMultiplyAdds) {
  const Function functions = trace(
      [](Array u) {
        const Array x = u * 6.0 - 3.0;
        return std::vector<Array>{exp(x * 20.0), expm1(x), log(u + 0.01), log1p(u),    sqrt(u),       sin(x * 50.0),
                                  cos(x),        tanh(x),  sigmoid(x),    softplus(x), floor(x * 1e3)};
      },
      {{"u", {1}}});
  check_function(functions, 0, 1, 16, {CMath::kBuiltin}, false);
}

TEST(ExportC, StructureReductionsAndProducts) {
  const Function function = test::structure_operations();
  check_function(function, -2, 2, 16);
  const std::vector<std::size_t> wrt = {0, 1, 2};
  check_function(vjp(function, wrt), -2, 2, 64);
}

TEST(ExportC, Pools) { check_function(test::pool_operations(), -2, 2, 16); }

TEST(ExportC, TablesOfInputs) {
  const auto table = [](const std::vector<Interpolation>& ways) {
    return trace(
        [&](Array values, Array t) {
          std::vector<Array> all;
          for (const Interpolation way : ways)
            all.push_back(interpolate(constant(HostArray::vector({-2, -1.25, 0, 0.5, 2})), values, t * 1.3, way) * t);
          return all;
        },
        {{"values", {5, 3}}, {"t", {}}});
  };
  check_function(table({Interpolation::kLinear, Interpolation::kHold, Interpolation::kCubic}), -2, 2, 16);
  const std::vector<std::size_t> wrt = {0, 1};
  check_function(vjp(table({Interpolation::kLinear, Interpolation::kCubic}), wrt), -2, 2, 64);
}

TEST(ExportC, IsCPlusPlusAndHasNoUndefinedBehaviour) {
  if (!test::has_c_compiler()) GTEST_SKIP() << "needs a C compiler";
  const Mlp net({.inputs = 2, .hidden = {8}, .outputs = 2, .activation = Activation::kSoftplus, .seed = 1});
  const Function function = trace(
      [&](Array z) { return exp(net(z) * 300.0) + sin(z * 1e4) + log(abs(z)) + expm1(z) + log1p(z); }, {{"z", {2}}});
  const std::vector<HostArray> inputs = testing::draw_inputs(function, kSamples, -5, 5, 7);
  const Scratch scratch;
  const auto files = program_of(variants_of({CMath::kLibm, CMath::kBuiltin}), function, inputs, scratch);
  const CRun run = run_c(scratch, files, test::kSanitized);
  ASSERT_TRUE(run.is_built) << run.messages;
  EXPECT_EQ(run.exit_code, 0) << run.messages;
  const CRun as_cpp = test::build_c(scratch, files, test::kStrictCpp);
  EXPECT_TRUE(as_cpp.is_built) << as_cpp.messages;
}

TEST(ExportC, RefusesWhatItHasNoSourceFor) {
  const Function identity = trace([](Array z) { return z * 2.0; }, {{"z", {2}}});
  EXPECT_ERROR(export_c(identity, {.prefix = "2nd"}), InvalidArgument,
               "[export] the prefix must be a C identifier: letters, digits and underscores, no digit first, and no "
               "word of C or C++; got '2nd'.");
  EXPECT_ERROR(export_c(identity, {.prefix = "while"}), InvalidArgument, "got 'while'");
  EXPECT_ERROR(export_c(identity, {}, "a-b"), InvalidArgument, "got 'a-b'");
  const Function root = trace([](Array a, Array b) { return linear_solve(a, b); }, {{"a", {2, 2}}, {"b", {2}}});
  EXPECT_ERROR(export_c(Function()), InvalidArgument, "[export] the function is empty; make one by trace().");
  EXPECT_ERROR(export_c(root), NotSupported, "no form for the extension 'linear_solve'");
  const Function tangent = trace([](Array z) { return tan(z); }, {{"z", {2}}});
  EXPECT_ERROR(export_c(tangent, {.math = CMath::kBuiltin}), NotSupported,
               "[export] --math builtin has no 'tan' in f64; export it with --math libm.");
  const Function image = trace([](Array x, Array w) { return conv2d(x, w); }, {{"x", {1, 4, 4}}, {"w", {1, 1, 3, 3}}});
  EXPECT_ERROR(export_c(image), NotSupported, "no form for 'conv2d'");
  EXPECT_ERROR(c_math_from_name("bulitin"), InvalidArgument, "did you mean 'builtin'?");
}

}  // namespace
}  // namespace costate

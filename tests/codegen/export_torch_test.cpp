// Fitted models as PyTorch modules: COSTATE_TORCH_PYTHON names a Python that has it.
#include <gtest/gtest.h>

#include <cstdlib>

#include "costate/codegen/export_model.h"
#include "tests/codegen/c_program.h"
#include "tests/codegen/models.h"
#include "tests/codegen/other_python.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using test::Form;
using test::Scratch;

std::string torch_python() { return test::named_python("COSTATE_TORCH_PYTHON"); }

bool has_torch() { return test::imports(torch_python(), "torch"); }

/// Loads the module, solves by the model's method, trains a step and prints the states.
constexpr const char* kTorchScript = R"(import sys
sys.path.insert(0, sys.argv[1])
import torch, model
net = model.load()
keywords = {name: torch.tensor(numbers, dtype=torch.float64) for name, numbers in DRIVE.items()}
measured = torch.tensor([0.4, 21.0], dtype=torch.float64)
start = net.start_of(measured, **({'covariates': keywords['covariates']} if 'covariates' in keywords else {})) if hasattr(net, 'start') else measured
times = torch.tensor(TIMES, dtype=torch.float64)
states = net.solve_fixed(start, times, **keywords)
assert net.solve_fixed(start.expand(5, -1), times, 1, **keywords).shape == (len(TIMES), 5, len(start))
states.square().mean().backward()
assert all(weight.grad is not None for name, weight in net.named_parameters() if not name.startswith('start'))
print(*(repr(x) for x in states[:, :2].detach().numpy().ravel().tolist()))
)";

void check_torch_model(const Form& form) {
  const SeriesModel model = test::model_of(form);
  SeriesModel::Query query{.start = {0.4, 21}, .times = {3, 3.25, 3.5, 4, 4.9}};
  std::string drive;
  if (form.has_inputs) {
    query.input_times = {3};
    query.inputs = HostArray(Shape{1, 1}, std::vector{0.3});
    drive += "'inputs': [0.3], ";
  }
  if (form.has_covariates) {
    query.covariates = {80};
    drive += "'covariates': [80.0], ";
  }
  const Scratch scratch;
  write_export(model, ExportTarget::kTorch, {}, scratch / "model.py");
  write_export(model, ExportTarget::kTorch, {}, scratch / "model.py");  // in place of the earlier one
  scratch.write("run.py", "DRIVE = {" + drive + "}\nTIMES = [3.0, 3.25, 3.5, 4.0, 4.9]\n" + kTorchScript);
  const std::string out = (scratch / "out").string(), log = (scratch / "log").string();
  const std::string command = torch_python() + " " + (scratch / "run.py").string() + " " + scratch.folder().string() +
                              " > " + out + " 2> " + log;
  ASSERT_EQ(std::system(command.c_str()), 0) << test::read_text(log);
  std::istringstream in(test::read_text(out));
  for (const auto& state : model.predict(query))  // by steps of at most 0.25
    for (std::size_t k = 0; k < state.size(); ++k) {
      double found = 0;
      ASSERT_TRUE(in >> found);
      EXPECT_NEAR(found, state[k], 1e-10 * model.normalization().state_scale[k]);
    }
}

TEST(ExportTorch, EveryForm) {
  if (!has_torch()) GTEST_SKIP() << "needs Python with PyTorch (COSTATE_TORCH_PYTHON)";
  for (const Form& form :
       {Form{.method = Method::kRk4},
        Form{.has_inputs = true, .interpolation = Interpolation::kHold, .method = Method::kHeun3},
        Form{.has_covariates = true, .periods = {1.7, 4}, .hidden_states = 1, .method = Method::kRk4Classic}})
    check_torch_model(form);
}

TEST(ExportTorch, ClocksReadTheTimeInDouble) {
  if (!has_torch()) GTEST_SKIP() << "needs Python with PyTorch (COSTATE_TORCH_PYTHON)";
  const Scratch scratch;
  write_export(test::model_of({.periods = {86400}, .method = Method::kRk4}), ExportTarget::kTorch, {},
               scratch / "model.py");
  scratch.write("run.py", R"(import sys
sys.path.insert(0, sys.argv[1])
import torch, model
rates = [model.load(dtype=dtype)(1.7e9 + 12345, torch.tensor([0.4, 21.0], dtype=dtype)) for dtype in (torch.float32, torch.float64)]
assert rates[0].dtype == torch.float32 and torch.allclose(rates[0].double(), rates[1], rtol=1e-4), rates
)");
  const std::string log = (scratch / "log").string();
  const std::string command =
      torch_python() + " " + (scratch / "run.py").string() + " " + scratch.folder().string() + " 2> " + log;
  ASSERT_EQ(std::system(command.c_str()), 0) << test::read_text(log);
}

TEST(ExportTorch, EveryActivation) {
  if (!has_torch()) GTEST_SKIP() << "needs Python with PyTorch (COSTATE_TORCH_PYTHON)";
  for (const Activation activation :
       {Activation::kIdentity, Activation::kRelu, Activation::kSigmoid, Activation::kSoftplus, Activation::kElu,
        Activation::kGelu, Activation::kSilu, Activation::kSin}) {
    SCOPED_TRACE(name(activation));
    check_torch_model({.method = Method::kRk4, .activation = activation});
  }
}

TEST(ExportTorch, WritesTheWeightsByTheirNames) {
  const SeriesModel model = test::model_of({.hidden_states = 1});
  const TorchExport made = export_torch(model, Dtype::kF64, "weights.safetensors");
  EXPECT_NE(made.module.find("with_name(\"weights.safetensors\")"), std::string::npos);
  for (const char* name : {"net.0.weight", "net.2.bias", "linear.0.weight", "start.0.weight"})
    EXPECT_TRUE(made.weights.arrays.contains(name)) << name;
  EXPECT_ERROR(export_torch(test::model_of({.has_events = true}), Dtype::kF64, "w"), NotSupported,
               "[export] a model with events cannot be exported to PyTorch; 'c' and 'python' take it.");
}

}  // namespace
}  // namespace costate

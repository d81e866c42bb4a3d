// costate export: a fitted model as source for other places.
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "cli/options.h"
#include "costate/base/base.h"
#include "costate/codegen/codegen.h"
#include "costate/io/io.h"
#include "costate/series/series.h"

namespace costate::cli {
namespace {

struct ExportArguments {
  std::string run, to, dtype = "double", math = "libm", prefix, out;
  std::size_t member = 1;
  bool vjp = false;
  std::int64_t steps = 0;
};

Dtype dtype_of(const std::string& text) {
  if (text == "double") return Dtype::kF64;
  if (text == "float") return Dtype::kF32;
  throw InvalidArgument("--dtype takes float or double; got '", text, "'.");
}

const SeriesModel& member_of(const Ensemble& ensemble, std::size_t member) {
  if (member > ensemble.members().size())
    throw InvalidArgument("--member must be from 1 to ", ensemble.members().size(), "; got ", member, ".");
  return ensemble.members()[member - 1].model;
}

int run(const ExportArguments& arguments) {
  if (arguments.run.empty()) throw InvalidArgument("export needs the folder of a run.");
  if (arguments.to.empty()) throw InvalidArgument("export needs --to: ", text::join(export_targets()), ".");
  const ExportTarget target = export_target_from_name(arguments.to);
  const RunFolder folder = RunFolder::open(arguments.run);
  const Ensemble ensemble = read_models(folder);
  const SeriesModel& model = member_of(ensemble, arguments.member);
  ModelExportOptions options{.c = {.prefix = arguments.prefix.empty() ? prefix_of(folder.path()) : arguments.prefix,
                                   .dtype = dtype_of(arguments.dtype),
                                   .math = c_math_from_name(arguments.math)},
                             .has_vjp = arguments.vjp,
                             .steps = arguments.steps};
  const std::filesystem::path out = arguments.out.empty() ? folder.path() / default_file(target, options.c.prefix)
                                                          : std::filesystem::path(arguments.out);
  write_export(model, target, options, out);
  if (ensemble.members().size() > 1)
    std::cerr << "costate: member " << arguments.member << " of " << ensemble.members().size()
              << " is exported; --member gives another one\n";
  if (out != "/dev/stdout") std::cout << "export: " << out.string() << "\n";
  return 0;
}

}  // namespace

void add_export(CommandLine& line) {
  const auto arguments = std::make_shared<ExportArguments>();
  Command command = line.add_command("export", "Write a fitted model as source for other places",
                                     [arguments] { return run(*arguments); });
  command.add_positional("run", arguments->run, "Folder of the run");
  command.add_option("--to", arguments->to, some_text("a target", export_targets()),
                     "What to write: " + text::join(export_targets()));
  command.add_option(
      "--out", arguments->out, some_text("a file"),
      "File to write; python and torch share one name, fmu and fmu3 another (PREFIX.h and its like in the run folder)");
  command.add_option("--prefix", arguments->prefix, some_text("a name"),
                     "What all names begin with (the folder's name)");
  command.add_option("--dtype", arguments->dtype, some_text("float or double", {"float", "double"}),
                     "Type of the numbers (double)");
  command.add_option("--math", arguments->math, some_text("libm or builtin", {"libm", "builtin"}),
                     "Of C: exp, tanh and their like from the C library, or written out (libm)");
  command.add_option("--member", arguments->member, integer<std::size_t>({.low = 1}), "Which of the models of --seeds");
  command.add_flag("--vjp", arguments->vjp, "Of C: also the vector-Jacobian product of the rate");
  command.add_option("--steps", arguments->steps, integer<std::int64_t>({.low = 1, .high = 10'000}),
                     "Of ONNX: a solve of so many fixed steps in place of the rate");
  command.set_footer(
      "Examples:\n"
      "  costate export runs/pendulum --to c --dtype float --math builtin --prefix pendulum --out pendulum.h\n"
      "  costate export runs/pendulum --to python\n"
      "  costate export runs/pendulum --to onnx --steps 100");
}

}  // namespace costate::cli

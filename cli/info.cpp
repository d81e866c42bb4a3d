// costate info: what this build is, what a run was trained on, what a model file holds.
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>

#include "cli/commands.h"
#include "costate/base/base.h"
#include "costate/exec/machine.h"
#include "costate/io/io.h"
#include "costate/series/fit_run.h"
#include "costate/series/series.h"

namespace costate::cli {
namespace {

void print_build(std::ostream& out) {
  out << "costate " << version() << "\n"
      << "build        " << COSTATE_BUILD_TYPE << ", "
      <<
#ifdef __clang__
      "Clang " << __clang_version__
#else
      "GCC " << __VERSION__
#endif
      << "\n"
      << "SIMD target  " << simd_target() << "\n"
      << "threads      " << num_threads() << "\n";
}

void print_arrays(const std::filesystem::path& path, std::ostream& out) {
  const ArrayFile file = read_safetensors(path);
  std::int64_t total = 0;
  for (const auto& [name, array] : file.arrays) {
    out << "  " << name << "  " << to_string(array.shape()) << " " << costate::name(array.dtype()) << "\n";
    total += array.size();
  }
  out << file.arrays.size() << " arrays, " << total << " numbers\n";
  for (const auto& [key, value] : file.metadata)
    if (value.find('\n') == std::string::npos) out << "  " << key << ": " << value << "\n";
}

void print_run(const std::filesystem::path& folder, std::ostream& out) {
  const RunFolder run = RunFolder::open(folder);
  out << "run " << folder.string() << "\n\n" << read_fit_config(run).to_config().to_toml() << "\n";
  const bool has_metrics = std::filesystem::exists(run.metrics()), has_model = std::filesystem::exists(run.model());
  if (has_metrics) out << "metrics\n" << read_json_text(run.metrics()) << "\n";
  if (has_model) print_arrays(run.model(), out);
  if (!has_model || (has_metrics && JsonFile(run.metrics()).text({"ended_by"}) == kInterrupt))
    out << "not finished: continue with 'costate fit --resume --out " << folder.string() << "'\n";
}

int run(const std::string& path) {
  std::ostringstream out;  // what turns out to be damaged is not half described
  if (path.empty())
    print_build(out);
  else if (std::filesystem::is_directory(path))
    print_run(path, out);
  else
    print_arrays(path, out);
  std::cout << out.str();
  return 0;
}

}  // namespace

void add_info(CommandLine& line) {
  const auto path = std::make_shared<std::string>();
  Command command =
      line.add_command("info", "Show this build, a run folder or a model file", [path] { return run(*path); });
  command.add_positional("path", *path, "Run folder or .safetensors file; nothing: this build");
  command.set_footer("Examples:\n  costate info\n  costate info runs/lynx\n  costate info runs/lynx/model.safetensors");
}

}  // namespace costate::cli

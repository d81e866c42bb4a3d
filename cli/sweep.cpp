// costate sweep: many fits, each a process of its own, into one folder with a table and a report of all.
#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/processes.h"
#include "cli/ranks.h"
#include "cli/stop_signal.h"
#include "cli/sweep_grid.h"
#include "costate/base/base.h"
#include "costate/io/io.h"
#include "costate/report/report.h"

namespace costate::cli {
namespace {

namespace fs = std::filesystem;

struct SweepArguments {
  std::string grid, out;
  std::optional<int> jobs, threads;
  bool resume = false, quiet = false;
};

/// Why a fit failed, by its log; "" if it did not.
std::string failure_in(const fs::path& log) {
  std::istringstream lines(fs::exists(log) ? read_file(log) : "");
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(kErrorPrefix)) return line.substr(kErrorPrefix.size());
  return "";
}

class Sweep {
 public:
  Sweep(const SweepArguments& arguments, const Config& file, const fs::path& folder)
      : arguments_(arguments), grid_(sweep_grid(file)), folder_(folder) {
    for (std::size_t i = 0; i < grid_.runs.size(); ++i)
      if (row_of(i).state != "done" &&
          i % static_cast<std::size_t>(num_ranks()) == static_cast<std::size_t>(this_rank()))
        mine_.push_back(i);
  }

  const SweepGrid& grid() const { return grid_; }

  /// Runs what of this rank's fits is not done yet. Whether all of them are now.
  bool run() {
    const int cores = num_threads();
    const auto jobs = static_cast<std::size_t>(arguments_.jobs.value_or(cores));
    const auto at_once = std::max<std::size_t>(1, std::min(jobs, mine_.size()));
    threads_ = arguments_.threads.value_or(std::max(1, cores / static_cast<int>(at_once)));
    bool all_went_well = true;
    run_children(
        mine_.size(), at_once, [&](std::size_t i) { return program_of(mine_[i]); }, stop_signal,
        [&](std::size_t i, int code) {
          all_went_well = all_went_well && code == 0;
          if (code != 0 && stop_signal() == 0) note_failure(mine_[i], code);
          tell(mine_[i]);
        });
    return all_went_well && stop_signal() == 0;
  }

  SweepResult result() const {
    SweepResult result{.data = grid_.data, .varied = {}, .rows = {}};
    for (const std::string& flag : grid_.varied) result.varied.push_back(key_of(flag));
    for (std::size_t i = 0; i < grid_.runs.size(); ++i) result.rows.push_back(row_of(i));
    return result;
  }

 private:
  /// "run-007": as many digits as the last one needs.
  std::string name_of(std::size_t run) const {
    std::ostringstream name;
    name << "run-" << std::setw(static_cast<int>(text::concat(grid_.runs.size()).size())) << std::setfill('0')
         << run + 1;
    return name.str();
  }

  fs::path log_of(std::size_t run) const { return folder_ / (name_of(run) + ".log"); }

  /// In the log, where the first rank finds it.
  void note_failure(std::size_t run, int code) const {
    if (!failure_in(log_of(run)).empty()) return;
    write_atomically(log_of(run),
                     text::concat(read_file(log_of(run)), kErrorPrefix, "it ended with code ", code, "\n"));
  }

  SweepRow row_of(std::size_t run) const {
    std::vector<std::string> values;
    for (const auto& [flag, value] : grid_.runs[run]) values.push_back(value);
    SweepRow row = read_sweep_row(folder_, name_of(run), std::move(values));
    if (row.state != "done") row.message = failure_in(log_of(run));
    if (!row.message.empty()) row.state = "failed";
    return row;
  }

  ChildProgram program_of(std::size_t run) const {
    const fs::path out = folder_ / name_of(run);
    ChildProgram program{{this_program(), "fit"}, log_of(run)};
    std::vector<std::string>& arguments = program.arguments;
    if (RunFolder::is_run(out)) {
      arguments.emplace_back("--resume");
    } else {
      arguments.push_back(grid_.data);
      for (const GivenOptions* options : {&grid_.fixed, &grid_.runs[run]})
        for (const auto& [flag, value] : *options) arguments.push_back(flag + "=" + value);
    }
    for (const std::string& argument :
         {std::string("--out"), out.string(), std::string("--threads"), text::concat(threads_), std::string("--quiet")})
      arguments.push_back(argument);
    return program;
  }

  void tell(std::size_t run) const {
    if (arguments_.quiet) return;
    const SweepRow row = row_of(run);
    std::cout << row.run;
    for (const auto& [flag, value] : grid_.runs[run]) std::cout << "  " << key_of(flag) << " " << value;
    if (row.state == "done" && row.validation_error)
      std::cout << "  validation error " << text::number(*row.validation_error);
    else
      std::cout << "  " << row.state << (row.message.empty() ? "" : ": ") << row.message;
    std::cout << std::endl;
  }

  const SweepArguments& arguments_;
  SweepGrid grid_;
  fs::path folder_;
  std::vector<std::size_t> mine_;  // runs to be done by this rank
  int threads_ = 1;
};

constexpr const char *kGridFile = "sweep.toml", *kDigestFile = "data.digest";

/// Fits of other data do not belong into one table.
void check_same_data(const SweepGrid& grid, const fs::path& folder) {
  const fs::path kept = folder / kDigestFile;
  const std::string digest = digest_of_data(grid);
  if (fs::exists(kept) && read_file(kept) != digest)
    throw InvalidArgument("[sweep] '", folder.string(), "' was begun with other data than are in '", grid.data,
                          "' now; bring them back, or choose another folder.");
}

/// The grid as it stands in the folder, which it is written to when a sweep begins.
Config open_sweep(const SweepArguments& arguments, const fs::path& folder) {
  const fs::path kept = folder / kGridFile;
  if (arguments.resume) {
    if (!fs::exists(kept))
      throw InvalidArgument("[sweep] '", folder.string(), "' holds no sweep to resume; begin one without --resume.");
    const Config begun = read_config(kept);
    if (!arguments.grid.empty() && !(read_config(arguments.grid) == begun)) {
      const auto [now, then] = text::first_difference(read_config(arguments.grid).to_toml(), begun.to_toml());
      throw InvalidArgument("[sweep] '", folder.string(), "' was begun with another grid: '", now, "' and '", then,
                            "'; resume it without a file, or choose another folder.");
    }
    check_same_data(sweep_grid(begun), folder);
    return begun;
  }
  const Config grid = read_config(arguments.grid);
  const std::string digest = digest_of_data(sweep_grid(grid));  // before anything is written
  if (fs::exists(folder) && !fs::is_empty(folder))
    throw InvalidArgument("[sweep] '", folder.string(), "' already holds ",
                          fs::exists(kept) ? "a sweep" : "other files", "; ",
                          fs::exists(kept) ? "go on with it by --resume, or " : "", "choose another folder.");
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw IoError("[sweep] cannot make the folder '", folder.string(), "': ", error.message(), ".");
  write_atomically(folder / kDigestFile, digest);
  write_config(kept, grid);
  return grid;
}

int run(const SweepArguments& arguments) {
  if (arguments.grid.empty() && !arguments.resume)
    throw InvalidArgument("sweep needs a grid; see 'costate sweep --help'.");
  if (arguments.out.empty() && arguments.grid.empty())
    throw InvalidArgument("--resume needs --out DIR, the folder of the sweep.");
  const fs::path folder =
      arguments.out.empty() ? fs::path("runs") / fs::path(arguments.grid).stem() : fs::path(arguments.out);
  std::unique_ptr<RunLock> lock;
  first_rank_then_all("sweep", [&] {
    open_sweep(arguments, folder);
    lock = std::make_unique<RunLock>(folder);
  });
  // The first one lets the fits end their epochs and save; a second one ends the process, and them.
  watch_stop_signals();
  Sweep sweep(arguments, read_config(folder / kGridFile), folder);
  const bool has_failed = any_rank(!sweep.run());
  if (this_rank() == 0) {
    const SweepResult result = sweep.result();
    write_sweep_table(folder / "table.csv", result);
    write_report(folder / "report.html", sweep_report(result));
    if (!arguments.quiet) std::cout << "report: " << (folder / "report.html").string() << "\n";
  }
  if (stop_signal() != 0) {
    if (!arguments.quiet)
      std::cout << "stopped early; continue with 'costate sweep --resume --out " << folder.string() << "'\n";
    return 128 + stop_signal();
  }
  return has_failed ? 1 : 0;
}

}  // namespace

void add_sweep(CommandLine& line) {
  const auto arguments = std::make_shared<SweepArguments>();
  Command command = line.add_command("sweep", "Run many fits over a grid of options",
                                     [arguments] { return on_ranks([arguments] { return run(*arguments); }); });
  command.add_positional("grid", arguments->grid,
                         "TOML file: [fit] with data and options, [grid] with lists of values");
  command.add_option("--out", arguments->out, some_text("a folder"), "Folder of the sweep (runs/<name of the grid>)");
  command.add_option("--jobs", arguments->jobs, integer<int>({.low = 1, .high = 1024}), "Fits at a time (all cores)");
  command.add_option("--threads", arguments->threads, thread_count(), "Threads of each fit (cores by jobs)");
  command.add_flag("--resume", arguments->resume, "Go on with the sweep in --out: fits that are done stay");
  command.add_flag("--quiet", arguments->quiet, "Print nothing but errors");
  command.set_footer(
      "A grid:\n"
      "  [fit]\n"
      "  data = \"hare_lynx.csv\"\n"
      "  time = \"year\"\n"
      "  state = [\"hare\", \"lynx\"]\n"
      "  [grid]\n"
      "  hidden = [\"8\", \"16,16\"]\n"
      "  seed = [0, 1, 2]\n"
      "Examples:\n"
      "  costate sweep grid.toml --out runs/grid --jobs 4\n"
      "  costate sweep --resume --out runs/grid\n"
      "  mpirun -n 16 costate sweep grid.toml");
}

}  // namespace costate::cli

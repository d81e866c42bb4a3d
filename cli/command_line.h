// The command line: subcommands, their options and help. A wall before CLI11, whose header alone takes as long to
// compile as ten files of ours: only command_line.cpp looks behind it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace costate::cli {

/// What a subcommand does once the command line is read; returns the exit code.
using Action = std::function<int()>;

/// A subcommand. Values that are not given stay as they are. An empty group is CLI11's usual one.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  void add_positional(const std::string& name, std::string& value, const std::string& help);
  void add_option(const std::string& flag, std::optional<std::string>& value, const std::string& help,
                  const std::string& group = "");
  void add_option(const std::string& flag, std::string& value, const std::string& help);
  void add_flag(const std::string& flag, bool& value, const std::string& help, const std::string& group = "");
  /// Any further arguments are for the action to refuse.
  void take_all();
  /// Below the options in the help.
  void set_footer(const std::string& text);

 private:
  CLI::App* app_;
};

class CommandLine {
 public:
  CommandLine(const std::string& description, const std::string& version, const std::string& footer);
  ~CommandLine();

  Command add_command(const std::string& name, const std::string& description, Action action);

  /// What the arguments ask for; nullopt where help or the version was printed. InvalidArgument, naming the argument
  /// and the nearest known one, for what is not understood.
  std::optional<Action> parse(int argc, char** argv);
  std::string help() const;

 private:
  std::unique_ptr<CLI::App> app_;
  Action chosen_;
};

}  // namespace costate::cli

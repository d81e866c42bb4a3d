// The command line: subcommands, their options and help. A wall before CLI11, whose header alone takes as long to
// compile as ten files of ours: only command_line.cpp looks behind it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "cli/options.h"
#include "costate/base/text.h"

namespace CLI {
class App;
}

namespace costate::cli {

/// What a subcommand does once the command line is read; returns the exit code.
using Action = std::function<int()>;

/// What is made of an option that is given several times: it is refused, since half of what was asked for would be left
/// out in silence; or, of a list of names, all are taken, with commas between.
enum class Repeated { kRefused, kJoined };

/// A subcommand. Values that are not given stay as they are; what cannot be read is an InvalidArgument that names the
/// option, the text and what would be right. An empty group is CLI11's usual one.
class Command {
 public:
  explicit Command(CLI::App& app) : app_(&app) {}

  void add_positional(const std::string& name, std::string& value, const std::string& help);
  /// `value` is a T or an optional one. A number's default is added to the help.
  template <class Value, class T>
  void add_option(const std::string& flag, Value& value, const OptionType<T>& type, const std::string& help,
                  const std::string& group = "") {
    std::string shown_default;
    if constexpr (std::is_arithmetic_v<Value>) shown_default = text::concat(" (", value, ")");
    add_text_option(
        flag, type.name, [&value, flag, type](const std::string& text) { value = read_option(flag, type, text); },
        help + shown_default, group);
  }
  /// An option whose text `read` takes.
  void add_text_option(const std::string& flag, const std::string& type_name,
                       std::function<void(const std::string& text)> read, const std::string& help,
                       const std::string& group = "", Repeated repeated = Repeated::kRefused);
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

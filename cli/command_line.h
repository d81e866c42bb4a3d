// The command line: subcommands, their options and help. A wall before CLI11, whose header alone takes as long to
// compile as ten files of ours: only command_line.cpp looks behind it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "cli/description.h"
#include "cli/options.h"
#include "costate/base/text.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace costate::cli {

/// What a subcommand does once the command line is read; returns the exit code.
using Action = std::function<int()>;

/// What is made of an option that is given several times: it is refused, since half of what was asked for would be left
/// out in silence; or, of a list of names, all are taken, with commas between.
enum class Repeated { kRefused, kJoined };

using OptionChoices = std::map<const CLI::Option*, std::vector<std::string>>;

/// A subcommand. Values that are not given stay as they are; what cannot be read is an InvalidArgument that names the
/// option, the text and what would be right. An empty group is CLI11's usual one.
class Command {
 public:
  Command(CLI::App& app, OptionChoices& choices) : app_(&app), choices_(&choices) {}

  /// `choices` are what shells propose; other texts are for the action to refuse. Here and below.
  void add_positional(const std::string& name, std::string& value, const std::string& help,
                      const std::vector<std::string>& choices = {});
  /// `value` is a T or an optional one. A number's default is added to the help.
  template <class Value, class T>
  void add_option(const std::string& flag, Value& value, const OptionType<T>& type, const std::string& help,
                  const std::string& group = "") {
    std::string shown_default;
    if constexpr (std::is_arithmetic_v<Value>) shown_default = text::concat(" (", value, ")");
    add_text_option(
        flag, type.name, [&value, flag, type](const std::string& text) { value = read_option(flag, type, text); },
        help + shown_default, group, Repeated::kRefused, type.choices);
  }
  /// An option whose text `read` takes. An empty short_flag is none.
  void add_text_option(const std::string& flag, const std::string& type_name,
                       std::function<void(const std::string& text)> read, const std::string& help,
                       const std::string& group = "", Repeated repeated = Repeated::kRefused,
                       const std::vector<std::string>& choices = {}, const std::string& short_flag = "");
  void add_flag(const std::string& flag, bool& value, const std::string& help, const std::string& group = "");
  /// Any further arguments are for the action to refuse.
  void take_all();
  /// Below the options in the help.
  void set_footer(const std::string& text);

 private:
  CLI::App* app_;
  OptionChoices* choices_;
};

class CommandLine {
 public:
  CommandLine(const std::string& description, const std::string& version, const std::string& footer);
  ~CommandLine();

  Command add_command(const std::string& name, const std::string& description, Action action);

  /// What the arguments ask for; nullopt where help or the version was printed. InvalidArgument, naming the argument
  /// and the nearest known one, for what is not understood.
  std::optional<Action> parse(int argc, char** argv);
  /// What was typed, as a shell takes it: "costate simulate pendulum --out 'my file.csv'".
  const std::string& given() const { return given_; }
  std::string help() const;
  /// All that the help says, for what is made of it.
  LineDescription describe() const;

 private:
  std::unique_ptr<CLI::App> app_;
  std::string version_, given_;
  OptionChoices choices_;
  Action chosen_;
};

}  // namespace costate::cli

#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "costate/base/base.h"

namespace costate::cli {
namespace {

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

/// What the user may have meant by a word that no option or subcommand takes.
std::string explain_extra(const CLI::App& app, const std::string& word) {
  if (app.get_subcommands().empty()) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    return text::unknown_name("command", word, names);
  }
  const CLI::App& command = *app.get_subcommands().front();
  if (!word.starts_with("-"))
    return "'" + word + "' is one argument too many for 'costate " + command.get_name() + "'.";
  return text::unknown_name("option", word.substr(0, word.find('=')), option_names(command));
}

/// Whether the chosen command does.
bool takes_all(const CLI::App& app) {
  return !app.get_subcommands().empty() && app.get_subcommands().front()->get_prefix_command();
}

OptionDescription describe_option(const CLI::Option& option, const OptionChoices& choices) {
  const bool is_positional = option.get_positional();
  const auto found = choices.find(&option);
  return {.name = is_positional ? option.get_name() : "--" + option.get_lnames().front(),
          .short_name = !is_positional && option.get_lnames().size() > 1 ? "--" + option.get_lnames()[1] : "",
          .type_name = option.get_items_expected_max() == 0 ? "" : option.get_type_name(),
          .help = option.get_description(),
          .group = is_positional ? "" : option.get_group(),
          .choices = found == choices.end() ? std::vector<std::string>() : found->second};
}

void describe_options(const CLI::App& app, const OptionChoices& choices, std::vector<OptionDescription>& positionals,
                      std::vector<OptionDescription>& options) {
  for (const CLI::Option* option : app.get_options())
    (option->get_positional() ? positionals : options).push_back(describe_option(*option, choices));
}

}  // namespace

void Command::add_positional(const std::string& name, std::string& value, const std::string& help,
                             const std::vector<std::string>& choices) {
  const CLI::Option* option = app_->add_option(name, value, help);
  if (!choices.empty()) (*choices_)[option] = choices;
}

void Command::add_text_option(const std::string& flag, const std::string& type_name,
                              std::function<void(const std::string& text)> read, const std::string& help,
                              const std::string& group, Repeated repeated, const std::vector<std::string>& choices,
                              const std::string& short_flag) {
  CLI::Option* option = app_->add_option(
      short_flag.empty() ? flag : text::concat(flag, ",", short_flag),
      [read = std::move(read), flag, repeated](const CLI::results_t& given) {
        if (repeated == Repeated::kRefused && given.size() > 1)
          throw InvalidArgument(flag, " is given ", given.size() == 2 ? "twice" : text::concat(given.size(), " times"),
                                ", as '", text::join(given, "' and '"), "'; give it once.");
        read(text::join(given, ","));
        return true;
      },
      help);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  option->type_name(type_name);
  if (!choices.empty()) (*choices_)[option] = choices;
  if (!group.empty()) option->group(group);
}

void Command::add_flag(const std::string& flag, bool& value, const std::string& help, const std::string& group) {
  CLI::Option* option = app_->add_flag(flag, value, help);
  if (!group.empty()) option->group(group);
}

void Command::take_all() { app_->prefix_command(); }

void Command::set_footer(const std::string& text) { app_->footer(text); }

namespace {

/// As a shell takes it for one word.
std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=,.:/@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string text = "'";
  for (const char character : word) text += character == '\'' ? std::string("'\\''") : std::string(1, character);
  return text + "'";
}

}  // namespace

CommandLine::CommandLine(const std::string& description, const std::string& version, const std::string& footer)
    : app_(std::make_unique<CLI::App>(description)), version_(version) {
  app_->set_version_flag("--version", version);
  app_->option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app_->footer(footer);
  app_->allow_extras();  // explain_extra says more about them
}

CommandLine::~CommandLine() = default;

Command CommandLine::add_command(const std::string& name, const std::string& description, Action action) {
  CLI::App* command = app_->add_subcommand(name, description);
  command->allow_extras();
  command->callback([this, action = std::move(action)] { chosen_ = action; });
  return Command(*command, choices_);
}

std::optional<Action> CommandLine::parse(int argc, char** argv) {
  given_ = "costate";
  for (int i = 1; i < argc; ++i) given_ += " " + shell_word(argv[i]);
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& request) {  // --help, --version
    app_->exit(request);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw InvalidArgument(error.what());
  }
  const std::vector<std::string> extras = app_->remaining(true);
  if (!extras.empty() && !takes_all(*app_)) throw InvalidArgument(explain_extra(*app_, extras.front()));
  return chosen_;
}

std::string CommandLine::help() const { return app_->help(); }

LineDescription CommandLine::describe() const {
  LineDescription line{.name = "costate",
                       .version = version_,
                       .description = app_->get_description(),
                       .footer = app_->get_footer(),
                       .options = {},
                       .commands = {}};
  std::vector<OptionDescription> none;
  describe_options(*app_, choices_, none, line.options);
  for (const CLI::App* app : app_->get_subcommands([](const CLI::App*) { return true; })) {
    CommandDescription command{.name = app->get_name(),
                               .description = app->get_description(),
                               .footer = app->get_footer(),
                               .positionals = {},
                               .options = {}};
    describe_options(*app, choices_, command.positionals, command.options);
    line.commands.push_back(std::move(command));
  }
  return line;
}

}  // namespace costate::cli

// Completion for shells. Each gets one file in which the commands, their options and choices are data.
#include <sstream>

#include "cli/description.h"
#include "costate/base/text.h"

namespace costate::cli {
namespace {

/// In single quotes, for all three shells; `inner` is what stands for a quote within.
std::string quoted(const std::string& text, const std::string& inner) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? inner : c == '\n' ? std::string(" ") : std::string(1, c);
  return out + "'";
}

const char* const kInnerPosix = "'\\''";

std::string names_of(const std::vector<OptionDescription>& options) {
  std::vector<std::string> names;
  for (const OptionDescription& option : options) names.push_back(option.name);
  return text::join(names, " ");
}

/// Of positionals the choices of the first that has some.
std::string choices_of(const std::vector<OptionDescription>& positionals) {
  for (const OptionDescription& positional : positionals)
    if (!positional.choices.empty()) return text::join(positional.choices, " ");
  return "";
}

/// A text without choices may be a file's name; a number is none.
bool takes_files(const OptionDescription& option) { return option.type_name.starts_with("TEXT"); }

/// The help as zsh's _arguments shows it, in which brackets and colons end a part.
std::string zsh_help(const std::string& help) {
  std::string out;
  for (const char c : help) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_values(const OptionDescription& option) {
  if (option.choices.empty()) return takes_files(option) ? "_files" : " ";
  return "(" + text::join(option.choices, " ") + ")";
}

void write_zsh_command(std::ostream& out, const CommandDescription& command) {
  out << "    " << command.name << ")\n      _arguments -S";
  for (const OptionDescription& option : command.options) {
    std::string spec = option.name + "[" + zsh_help(option.help) + "]";
    if (!option.type_name.empty()) spec += ":" + zsh_help(option.type_name) + ":" + zsh_values(option);
    out << " \\\n        " << quoted(spec, kInnerPosix);
  }
  for (const OptionDescription& positional : command.positionals)
    out << " \\\n        " << quoted("::" + zsh_help(positional.name) + ":" + zsh_values(positional), kInnerPosix);
  out << "\n      ;;\n";
}

}  // namespace

std::string bash_completion(const LineDescription& line) {
  std::ostringstream out;
  out << "# bash completion of " << line.version << "; read by bash-completion, or by: source <(" << line.name
      << " completion bash)\n"
      << "_" << line.name << "() {\n"
      << "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} words=''\n"
      << "  COMPREPLY=()\n"
      << "  if [ \"$COMP_CWORD\" -eq 1 ]; then command=''; fi\n"
      << "  case \"$command $before\" in\n";
  for (const CommandDescription& command : line.commands) {
    std::vector<std::string> of_files, of_numbers;
    for (const OptionDescription& option : command.options) {
      const std::string pattern = "'" + command.name + " " + option.name + "'";
      if (!option.choices.empty())
        out << "    " << pattern << ") words='" << text::join(option.choices, " ") << "' ;;\n";
      else if (!option.type_name.empty())
        (takes_files(option) ? of_files : of_numbers).push_back(pattern);
    }
    if (!of_files.empty()) out << "    " << text::join(of_files, "|") << ") ;;\n";
    if (!of_numbers.empty()) out << "    " << text::join(of_numbers, "|") << ") return ;;\n";
  }
  out << "    *) case \"$command\" in\n      '') words='";
  for (const CommandDescription& command : line.commands) out << command.name << " ";
  out << names_of(line.options) << "' ;;\n";
  for (const CommandDescription& command : line.commands) {
    out << "      " << command.name << ") case \"$word\" in -*) words='" << names_of(command.options)
        << "' ;; *) words='" << choices_of(command.positionals) << "' ;; esac ;;\n";
  }
  out << "    esac ;;\n  esac\n"
      << "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      << "  [ -n \"$words\" ] || COMPREPLY=($(compgen -f -- \"$word\"))\n"
      << "}\n"
      << "complete -o filenames -F _" << line.name << " " << line.name << "\n";
  return out.str();
}

std::string zsh_completion(const LineDescription& line) {
  std::ostringstream out;
  out << "#compdef " << line.name << "\n# zsh completion of " << line.version << "\n"
      << "_" << line.name << "() {\n"
      << "  if (( CURRENT == 2 )); then\n    local -a commands\n    commands=(\n";
  for (const CommandDescription& command : line.commands)
    out << "      " << quoted(command.name + ":" + zsh_help(command.description), kInnerPosix) << "\n";
  out << "    )\n    _describe command commands\n    _arguments -S";
  for (const OptionDescription& option : line.options)
    out << " " << quoted(option.name + "[" + zsh_help(option.help) + "]", kInnerPosix);
  out << "\n    return\n  fi\n  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const CommandDescription& command : line.commands) write_zsh_command(out, command);
  out << "  esac\n}\n"
      << "if [ \"$funcstack[1]\" = _" << line.name << " ]; then _" << line.name << " \"$@\"; else compdef _"
      << line.name << " " << line.name << "; fi\n";
  return out.str();
}

std::string fish_completion(const LineDescription& line) {
  const std::string inner = "\\'", begin = "complete -c " + line.name;
  std::ostringstream out;
  out << "# fish completion of " << line.version << "\n";
  for (const OptionDescription& option : line.options)
    out << begin << " -n __fish_use_subcommand -l " << option.name.substr(2) << " -d " << quoted(option.help, inner)
        << "\n";
  for (const CommandDescription& command : line.commands) {
    out << begin << " -f -n __fish_use_subcommand -a " << command.name << " -d " << quoted(command.description, inner)
        << "\n";
    const std::string within = begin + " -n '__fish_seen_subcommand_from " + command.name + "'";
    for (const OptionDescription& positional : command.positionals)
      if (!positional.choices.empty())
        out << within << " -f -a " << quoted(text::join(positional.choices, " "), inner) << "\n";
    for (const OptionDescription& option : command.options) {
      out << within << " -l " << option.name.substr(2) << " -d " << quoted(option.help, inner);
      if (!option.choices.empty())
        out << " -x -a " << quoted(text::join(option.choices, " "), inner);
      else if (!option.type_name.empty())
        out << (takes_files(option) ? " -r -F" : " -x");
      out << "\n";
    }
  }
  return out.str();
}

}  // namespace costate::cli

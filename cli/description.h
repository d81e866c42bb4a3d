// What the command line takes, as data: CommandLine::describe() reads it off the parser, and man pages and the
// completion of shells are written from it.
#pragma once

#include <string>
#include <vector>

namespace costate::cli {

struct OptionDescription {
  std::string name;        ///< "--epochs"; of a positional "data"
  std::string short_name;  ///< "--lr", of an option that has one
  std::string type_name;   ///< "INT"; "" for a flag
  std::string help;
  std::string group;  ///< its heading in the help; "" for positionals
  std::vector<std::string> choices;
};

struct CommandDescription {
  std::string name, description, footer;
  std::vector<OptionDescription> positionals, options;
};

struct LineDescription {
  std::string name, version, description, footer;
  std::vector<OptionDescription> options;
  std::vector<CommandDescription> commands;
};

/// "costate.1", "costate-fit.1", …: pages of section 1 in the language of man(7).
struct ManPage {
  std::string file, text;
};
std::vector<ManPage> man_pages(const LineDescription& line);

/// What these shells read to complete commands, options and their choices; files everywhere else.
std::string bash_completion(const LineDescription& line);
std::string zsh_completion(const LineDescription& line);
std::string fish_completion(const LineDescription& line);

}  // namespace costate::cli

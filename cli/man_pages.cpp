// Man pages of the command line: one of all commands, one of each.
#include <algorithm>
#include <sstream>

#include "cli/description.h"

namespace costate::cli {
namespace {

/// As troff shows it: no hyphen for a minus, no request at the start of a line.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += std::string("\\&") + c;
    else
      out += c;
  }
  return out;
}

void write_head(std::ostream& out, const std::string& page, const std::string& version, const std::string& what) {
  std::string title = page;
  std::ranges::transform(title, title.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  // No date: it would be that of the build.
  out << ".TH " << title << " 1 \"\" \"" << version << "\" \"User Commands\"\n.SH NAME\n"
      << page << " \\- " << escaped(what) << "\n";
}

void write_option(std::ostream& out, const OptionDescription& option) {
  out << ".TP\n\\fB" << escaped(option.name) << "\\fR";
  if (!option.short_name.empty()) out << ", \\fB" << escaped(option.short_name) << "\\fR";
  if (!option.type_name.empty() && option.name.starts_with('-')) out << " \\fI" << escaped(option.type_name) << "\\fR";
  out << "\n" << escaped(option.help) << "\n";
}

/// The options under their headings, in the order of the first of each.
void write_options(std::ostream& out, const std::vector<OptionDescription>& options) {
  std::vector<std::string> groups;
  for (const OptionDescription& option : options)
    if (std::ranges::find(groups, option.group) == groups.end()) groups.push_back(option.group);
  out << ".SH OPTIONS\n";
  for (const std::string& group : groups) {
    if (groups.size() > 1) out << ".SS " << escaped(group) << "\n";
    for (const OptionDescription& option : options)
      if (option.group == group) write_option(out, option);
  }
}

/// Text with its lines as they are; a heading that it begins with becomes one.
void write_footer(std::ostream& out, std::string text) {
  if (text.empty()) return;
  out << ".SH NOTES\n.nf\n" << escaped(text) << "\n.fi\n";
}

constexpr const char* kExitStatus =
    ".SH EXIT STATUS\n.TP\n0\nall went well\n.TP\n1\nthe work failed: no numbers that make sense, out of "
    "memory\n.TP\n2\n"
    "something given is not right: an option, a file, a folder; one sentence says what\n";

ManPage page_of(const CommandDescription& command, const LineDescription& line) {
  std::ostringstream out;
  const std::string page = line.name + "-" + command.name;
  write_head(out, page, line.version, command.description);
  out << ".SH SYNOPSIS\n.B " << line.name << " " << command.name << "\n[\\fIOPTIONS\\fR]";
  for (const OptionDescription& positional : command.positionals)
    out << " [\\fI" << escaped(positional.name) << "\\fR]";
  out << "\n";
  if (!command.positionals.empty()) out << ".SH ARGUMENTS\n";
  for (const OptionDescription& positional : command.positionals) write_option(out, positional);
  write_options(out, command.options);
  write_footer(out, command.footer);
  out << kExitStatus << ".SH SEE ALSO\n.BR " << line.name << " (1)\n";
  return {page + ".1", out.str()};
}

}  // namespace

std::vector<ManPage> man_pages(const LineDescription& line) {
  std::ostringstream out;
  const std::string what = line.description.substr(0, line.description.find(':'));
  write_head(out, line.name, line.version, what);
  out << ".SH SYNOPSIS\n.B " << line.name << "\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n"
      << escaped(line.description) << "\n.PP\n"
      << escaped(line.footer) << "\n.SH COMMANDS\n";
  for (const CommandDescription& command : line.commands)
    out << ".TP\n\\fB" << command.name << "\\fR\n" << escaped(command.description) << "\n";
  write_options(out, line.options);
  out << kExitStatus << ".SH SEE ALSO\n";
  for (const CommandDescription& command : line.commands)
    out << ".BR " << line.name << "\\-" << command.name << " (1)" << (&command == &line.commands.back() ? "" : ",")
        << "\n";
  std::vector<ManPage> pages{{line.name + ".1", out.str()}};
  for (const CommandDescription& command : line.commands) pages.push_back(page_of(command, line));
  return pages;
}

}  // namespace costate::cli

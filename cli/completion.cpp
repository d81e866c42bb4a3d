// costate completion: what a shell reads to complete this command line; and its man pages.
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>

#include "cli/commands.h"
#include "costate/base/base.h"
#include "costate/io/files.h"

namespace costate::cli {
namespace {

struct Form {
  const char* name;
  std::string (*write)(const LineDescription& line);
};
constexpr Form kShells[] = {{"bash", bash_completion}, {"zsh", zsh_completion}, {"fish", fish_completion}};

std::vector<std::string> shells() {
  std::vector<std::string> names;
  for (const Form& form : kShells) names.emplace_back(form.name);
  return names;
}

int run(const CommandLine& line, const std::string& shell, const std::string& man) {
  if (shell.empty() == man.empty())
    throw InvalidArgument("completion needs either a shell, ", text::join(shells()), ", or --man FOLDER.");
  if (!man.empty())
    for (const ManPage& page : man_pages(line.describe()))
      write_atomically(std::filesystem::path(man) / page.file, page.text);
  for (const Form& form : kShells)
    if (shell == form.name) {
      std::cout << form.write(line.describe());
      return 0;
    }
  if (!shell.empty()) throw InvalidArgument("[completion] ", text::unknown_name("shell", shell, shells()));
  return 0;
}

}  // namespace

void add_completion(CommandLine& line) {
  const auto shell = std::make_shared<std::string>(), man = std::make_shared<std::string>();
  Command command = line.add_command("completion", "Print what a shell reads to complete this command line",
                                     [&line, shell, man] { return run(line, *shell, *man); });
  command.add_positional("shell", *shell, "bash, zsh or fish", shells());
  command.add_option("--man", *man, some_text("a folder"), "Write the man pages into this folder instead");
  command.set_footer(
      "Examples:\n"
      "  source <(costate completion bash)\n"
      "  costate completion zsh > ~/.zfunc/_costate\n"
      "  costate completion fish > ~/.config/fish/completions/costate.fish");
}

}  // namespace costate::cli

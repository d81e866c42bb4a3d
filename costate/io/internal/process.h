// Programs of the machine: run with arguments, never through a shell.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace costate::internal {

/// A folder of its owner alone, removed at the end. IoError, which begins with `who`, if there can be none.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& who);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Runs a program of the search path to its end; what it says goes to `log`. Its exit code, or -1 if a signal ended it.
/// IoError, which begins with `who` and ends with `cure`, if it cannot be run.
int run_program(const std::string& who, std::vector<std::string> arguments, const std::filesystem::path& log,
                const std::string& cure);

}  // namespace costate::internal

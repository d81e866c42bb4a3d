// Other processes that run side by side.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace costate::cli {

struct ChildProgram {
  std::vector<std::string> arguments;  // the program's path first
  std::filesystem::path log;           // takes what it prints
};

/// Runs program(i) for i = 0 … count - 1, so many at a time, and tells of each that has ended by its exit code (128 and
/// the signal that ended it). None begins after `stop` gives a signal, which those that run get, too; they are
/// waited for. If this process dies, they are sent SIGTERM. They know nothing of the mpirun that started this process.
void run_children(std::size_t count, std::size_t at_once, const std::function<ChildProgram(std::size_t)>& program,
                  const std::function<int()>& stop, const std::function<void(std::size_t, int code)>& ended);

/// The path of the program that runs.
std::string this_program();

}  // namespace costate::cli

// Generated C, compiled by the machine's own compiler and run.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "costate/codegen/codegen.h"
#include "tests/io/scratch.h"

namespace costate::test {

inline constexpr const char* kStrict = "-std=c99 -O1 -Wall -Wextra -Wpedantic -Wconversion -Werror";
inline constexpr const char* kStrictCpp =
    "-x c++ -std=c++11 -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Werror";
/// Optimization would take checks away, and three times as long.
inline constexpr const char* kSanitized =
    "-std=c99 -O0 -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all";

inline bool has_c_compiler() { return std::system("cc --version > /dev/null 2>&1") == 0; }

/// Whether multiply-adds are fused here: then bits are those of the library.
inline bool fuses() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("fma") != 0;
#elif defined(__aarch64__)
  return true;
#else
  return false;
#endif
}

inline const char* fused_flag() {
#if defined(__x86_64__)
  return fuses() ? " -mfma" : "";
#else
  return "";
#endif
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Numbers as a C array.
inline std::string c_array(const std::string& type, const std::string& name, const std::vector<double>& numbers) {
  std::ostringstream out;
  out.precision(17);
  out << "static const " << type << " " << name << "[] = {";
  for (const double number : numbers) {
    if (std::isnan(number))
      out << "NAN, ";
    else
      out << "(" << type << ")" << number << ", ";
  }
  out << (numbers.empty() ? "0};\n" : "};\n");
  return out.str();
}

struct CRun {
  bool is_built = false;
  int exit_code = -1;
  std::string messages;         // of the compiler and of the program's stderr
  std::vector<double> numbers;  // that it wrote on stdout, in binary
};

/// Writes `files` and compiles the .c among them to `program`.
inline CRun build_c(const Scratch& scratch, const std::vector<std::pair<std::string, std::string>>& files,
                    const std::string& flags, const std::string& compiler = "cc") {
  std::string sources;
  for (const auto& [name, text] : files) {
    scratch.write(name, text);
    if (name.ends_with(".c")) sources += " " + (scratch / name).string();
  }
  const std::string log = (scratch / "log").string();
  const std::string command =
      compiler + " " + flags + sources + " -o " + (scratch / "program").string() + " -lm > " + log + " 2>&1";
  CRun run;
  run.is_built = std::system(command.c_str()) == 0;
  run.messages = read_text(log);
  return run;
}

/// Builds them, and runs the program.
inline CRun run_c(const Scratch& scratch, const std::vector<std::pair<std::string, std::string>>& files,
                  const std::string& flags, const std::string& compiler = "cc") {
  CRun run = build_c(scratch, files, flags, compiler);
  if (!run.is_built) return run;
  const std::string program = (scratch / "program").string(), log = (scratch / "log").string();
  const std::string numbers = (scratch / "numbers").string();
  run.exit_code = std::system((program + " > " + numbers + " 2>> " + log).c_str());
  run.messages = read_text(log);
  const std::string bytes = read_text(numbers);
  run.numbers.resize(bytes.size() / sizeof(double));
  std::copy_n(bytes.data(), run.numbers.size() * sizeof(double), reinterpret_cast<char*>(run.numbers.data()));
  return run;
}

}  // namespace costate::test

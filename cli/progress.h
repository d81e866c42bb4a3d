// What long work says meanwhile: one line that is redrawn on a terminal, plain lines now and then elsewhere.
#pragma once

#include <chrono>
#include <string>

#include "costate/series/fit.h"

namespace costate::cli {

class Progress {
 public:
  enum class Volume { kNormal, kQuiet };
  explicit Progress(Volume volume);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const FitProgress& progress);

 private:
  void end_line();

  bool is_quiet_, is_terminal_, has_line_ = false;
  std::string model_;
  std::chrono::steady_clock::time_point shown_ = {};
  std::chrono::steady_clock::time_point began_ = {};
  double first_epoch_ = 0;
};

}  // namespace costate::cli

// What a gradient of an ODE-Net takes in memory, over the number of steps.
#pragma once

#include <cstdint>
#include <vector>

#include "experiments/images.h"

namespace costate::experiments {

/// Peak memory of one gradient, in MiB; NaN where it was not measured.
struct MemoryRow {
  int steps;
  double unlimited, budgeted, backsolve;
};

struct MemoryOptions {
  std::int64_t channels = 64;
  std::int64_t batch = 32;  // memory is that of the tiles at work, one a thread
  int most_steps = 2048;    // of rk4; a power of two
  int most_unlimited = 64;  // there `unlimited` ends, which would fill the machine
  std::size_t budget = SolveOptions().memory_budget;
};

/// Each over twice the steps of the one before.
std::vector<MemoryRow> study_memory(const Images& images, const MemoryOptions& options);

/// Of one gradient, over the first images of a batch, in MiB.
double gradient_memory(const ImageClassifier& net, const Images& images, std::int64_t batch);

Figure memory_figure(const std::vector<MemoryRow>& rows, const MemoryOptions& options);
Table memory_table(const std::vector<MemoryRow>& rows, const MemoryOptions& options);
std::vector<Metric> memory_metrics(const std::vector<MemoryRow>& rows);

}  // namespace costate::experiments

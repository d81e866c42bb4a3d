#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace costate::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::int64_t kPlainLines = 10;  // of a whole training

std::string short_number(double value) {
  std::ostringstream out;
  out << std::setprecision(4) << value;
  return out.str();
}

}  // namespace

Progress::Progress(Volume volume) : is_quiet_(volume == Volume::kQuiet), is_terminal_(::isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() { end_line(); }

void Progress::end_line() {
  if (has_line_) std::cerr << "\n";
  has_line_ = false;
}

void Progress::show(const FitProgress& progress) {
  if (is_quiet_) return;
  const HistoryRow& row = progress.row;
  const auto now = Clock::now();
  if (progress.model != model_) {
    if (!progress.is_trial) end_line();  // trials run side by side, and share a line until they end
    model_ = progress.model;
    began_ = now;
    shown_ = {};
    first_epoch_ = row.epoch;
  }
  const bool is_last = row.epoch + 1 >= static_cast<double>(progress.epochs);
  const auto stride = std::max<std::int64_t>(1, progress.epochs / kPlainLines);
  const bool is_at_stride = static_cast<std::int64_t>(row.epoch) % stride == 0 && !progress.is_trial;
  const bool is_due = is_terminal_ ? now - shown_ > kRedraw : is_at_stride;
  if (!is_due && !is_last) return;
  shown_ = now;
  std::ostringstream line;
  line << model_ << "  epoch " << row.epoch + 1 << "/" << progress.epochs << "  loss " << short_number(row.loss);
  if (std::isfinite(row.validation_loss)) line << "  validation error " << short_number(row.validation_loss);
  line << "  NFE " << short_number(row.nfe_forward) << "+" << short_number(row.nfe_backward);
  if (row.failed > 0) line << "  failed solves " << row.failed;
  if (row.skipped > 0) line << "  skipped steps " << row.skipped;
  const double spent = std::chrono::duration<double>(now - began_).count();
  const double done = row.epoch - first_epoch_;
  if (done > 0 && !is_last && !progress.is_trial) {
    const double left = spent / done * (static_cast<double>(progress.epochs) - row.epoch - 1);
    line << "  " << short_number(std::ceil(left)) << " s left";
  }
  if (is_terminal_) {
    std::cerr << "\r\033[K" << line.str() << std::flush;
    has_line_ = true;
    if (is_last) end_line();
  } else {
    std::cerr << line.str() << "\n";
  }
}

}  // namespace costate::cli

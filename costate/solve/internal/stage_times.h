// The times at which the lanes of a tile evaluate the field, and what the field reads of them. All who walk along steps
// (the solver, its reverse sweeps, a replay) write them through this, so that each evaluates a stage at the same time
// to the bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include "costate/exec/internal/aligned.h"
#include "costate/exec/internal/tile_function.h"

namespace costate::internal {

/// Where a step evaluates the field: `first` and `last` are its start t and its end, or their inner sides where these
/// are stops (stop_rule.h).
struct StepTimes {
  double t = 0, h = 0;
  double first = 0, last = 0;

  double at(double node) const { return node == 0 ? first : node == 1 ? last : std::fma(node, h, t); }
};

/// What a field reads of time: t itself, [1, lanes], or in f32 values that are computed of t in f64 (time_part.h). A
/// step of an implicit method reads the times of all its stages.
struct TimeRows {
  std::size_t num_times = 1;
  std::optional<TileFunction<double>> of_time;
  std::vector<std::size_t> offsets = {0};  // the row at which each value begins
  std::size_t count = 1;                   // rows
  bool rounds_time = false;                // t itself is among them, in f32
};

/// Whether f32 is too coarse for two neighbouring times: an ulp is more than 1e-3 of what is between them.
inline bool is_coarse(double t, double next) {
  const auto larger = static_cast<float>(std::max(std::abs(t), std::abs(next)));
  const double ulp = std::nextafter(larger, std::numeric_limits<float>::infinity()) - larger;
  return t != next && ulp > 1e-3 * std::abs(next - t);
}

/// Whether times that were themselves computed in f32 are too coarse for a solve from `first` to `last`: an ulp is more
/// than 1e-3 of an interval of the usual length. A shorter one is off by no more than others, so it decides nothing.
inline bool is_coarse_grid(double first, double last, std::size_t num_times) {
  const double usual = (last - first) / static_cast<double>(num_times - 1);
  return is_coarse(last, last + usual) || is_coarse(first, first + usual);
}

template <class T>
class StageTimes {
 public:
  StageTimes(const TimeRows& rows, std::size_t lanes) : rows_(rows), lanes_(lanes), times_(rows.num_times * lanes) {
    if (!rows.of_time) return;
    const TileFunction<double>& function = *rows.of_time;
    workspace_ = function.make_workspace();
    shared_.resize(function.shared_size());
    saved_.resize(function.saved_size());
    values_.resize(rows.count * lanes);
    for (std::size_t i = 0; i < rows.num_times; ++i) inputs_.push_back(times_.data() + i * lanes);
    for (const std::size_t offset : rows.offsets) outputs_.push_back(values_.data() + offset * lanes);
    function.prepare(inputs_, shared_.data());
  }
  StageTimes(const StageTimes&) = delete;
  StageTimes& operator=(const StageTimes&) = delete;

  /// Time `which` of the lane.
  void set(std::size_t lane, double t, std::size_t which = 0) { times_[which * lanes_ + lane] = t; }
  void set_all(const double* times) { std::copy_n(times, lanes_, times_.begin()); }
  /// The same stage of all lanes' steps: StepTimes with one number a lane.
  void set_all(double node, const double* t, const double* h, const double* first, const double* last) {
    if (node == 0 || node == 1) return set_all(node == 0 ? first : last);
    for (std::size_t lane = 0; lane < lanes_; ++lane) times_[lane] = std::fma(node, h[lane], t[lane]);
  }

  /// What the field reads of these times: [rows, lanes].
  void write(T* out) {
    if (rows_.of_time)
      rows_.of_time->run(Phase::kForward, {.inputs = inputs_,
                                           .outputs = outputs_,
                                           .shared = shared_.data(),
                                           .saved = saved_.data(),
                                           .workspace = &workspace_,
                                           .lane_weights = nullptr,
                                           .num_samples = lanes_,
                                           .first_sample = 0,
                                           .report = nullptr});
    const AlignedVector<double>& values = rows_.of_time ? values_ : times_;
    for (std::size_t i = 0; i < values.size(); ++i) out[i] = static_cast<T>(values[i]);
  }

 private:
  const TimeRows& rows_;
  std::size_t lanes_;
  AlignedVector<double> times_;
  TileWorkspace<double> workspace_;
  AlignedVector<double> shared_, saved_, values_;
  std::vector<const double*> inputs_;
  std::vector<double*> outputs_;
};

}  // namespace costate::internal

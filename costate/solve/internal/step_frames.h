// Where the numbers of a step's evaluations stand, and the frames of accepted steps that a solve keeps for its reverse
// sweep.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/exec/internal/aligned.h"

namespace costate::internal {

/// A frame has a block a stage: the stage's state and slope [state, lanes], what the field reads of its times [rows,
/// lanes], and what the reverse of the field needs of the evaluation (`saved`). Where nothing is kept for a reverse
/// sweep a block is the slope alone, and all stages share the rest, but for the closing one, whose state is the end of
/// the step: a small field's step stays in the first cache. Offsets and sizes count numbers; number i of a kept block
/// belongs to lane i mod lanes.
struct FrameLayout {
  FrameLayout() = default;
  FrameLayout(std::size_t state_numbers, std::size_t time_numbers, std::size_t lanes, std::size_t saved_numbers,
              std::size_t stages, std::size_t closing_stage, bool is_kept)
      : keeps_all(is_kept),
        num_stages(stages),
        closing(closing_stage),
        state(padded(state_numbers, lanes)),
        times(is_kept ? 2 * state : state),
        saved(times + padded(time_numbers, lanes)),
        rest(saved + saved_numbers),
        block(is_kept ? rest : state) {}

  bool keeps_all = false;
  std::size_t num_stages = 0, closing = 0;
  std::size_t state = 0;             // numbers of a stage's state, padded
  std::size_t times = 0, saved = 0;  // offsets of the times and saved numbers from the state
  std::size_t rest = 0;  // without a record: size of the state, times and saved numbers that all stages share
  std::size_t block = 0;

  std::size_t size() const { return block * num_stages + (keeps_all ? 0 : 2 * rest); }
  /// Of a frame whose first stage alone is used.
  std::size_t first_size() const { return keeps_all ? block : size(); }
};

template <class T>
class StepFrame {
 public:
  StepFrame() = default;
  StepFrame(T* first, const FrameLayout& layout) : first_(first), layout_(&layout) {}

  T* block(std::size_t stage) const { return first_ + stage * layout_->block; }
  T* slope(std::size_t stage) const { return block(stage) + (layout_->keeps_all ? layout_->state : 0); }
  T* state(std::size_t stage) const {
    if (layout_->keeps_all) return block(stage);
    return block(layout_->num_stages) + (stage == layout_->closing ? layout_->rest : 0);
  }
  T* times(std::size_t stage) const { return state(stage) + layout_->times; }
  T* saved(std::size_t stage) const { return state(stage) + layout_->saved; }

 private:
  T* first_ = nullptr;
  const FrameLayout* layout_ = nullptr;
};

/// One frame to work in, and those before it that are kept: the first ones of the solve, as many as there is room for.
template <class T>
class StepFrames {
 public:
  explicit StepFrames(const FrameLayout& layout) : layout_(layout) { grow(); }

  /// Forgets what was kept. Keeps at most so many frames from now on, the one to work in among them.
  void start(std::size_t most) {
    if (frames_.size() > most) frames_.resize(most);
    num_kept_ = 0;
    most_ = most;
    keeps_ = most > 1 && layout_.keeps_all;
  }
  /// Keeps nothing of this solve: it went through numbers that must not be read again.
  void spoil() {
    num_kept_ = 0;
    keeps_ = false;
  }

  StepFrame<T> current() { return frame(num_kept_); }
  /// Keeps the current frame and goes on to a new one, if frames are kept and there is room.
  bool keep_current() {
    keeps_ = keeps_ && num_kept_ + 1 < most_;
    if (!keeps_) return false;
    if (++num_kept_ == frames_.size()) grow();
    return true;
  }

  bool keeps() const { return keeps_; }
  std::size_t num_kept() const { return num_kept_; }
  StepFrame<T> kept(std::size_t index) const { return frame(index); }

 private:
  // Phases of a TileFunction take `saved` as writable; those that read it leave it as it is.
  StepFrame<T> frame(std::size_t index) const { return {const_cast<T*>(frames_[index].data()), layout_}; }
  void grow() { frames_.emplace_back(layout_.size()); }

  const FrameLayout& layout_;  // of the problem, which outlives its solvers
  std::size_t most_ = 1;
  std::vector<AlignedVector<T>> frames_;  // stay between solves
  std::size_t num_kept_ = 0;
  bool keeps_ = false;
};

}  // namespace costate::internal

#include "costate/adjoint/internal/trajectory.h"

#include <algorithm>

#include "costate/base/error.h"
#include "costate/exec/tile_op.h"

namespace costate::internal {

/// The first step that ends at t or after it; the last one beyond.
template <class T>
std::size_t DenseTrajectory<T>::find(Lane& lane, double t) {
  const DenseSteps<T>& steps = *lane.steps;
  const double direction = steps.sizes[0] >= 0 ? 1 : -1;
  const auto ends_before = [&](std::size_t i) { return direction * (t - steps.ends[i]) > 0; };
  std::size_t i = std::clamp(lane.hint, lane.first, lane.end - 1);
  while (i > lane.first && !ends_before(i - 1)) --i;
  while (i + 1 < lane.end && ends_before(i)) ++i;
  return lane.hint = i;
}

template <class T>
void DenseTrajectory<T>::write(const double* times, bool is_slope, double* out) {
  for (std::size_t column = 0; column < lanes_; ++column) {
    Lane& lane = of_lanes_[column];
    if (lane.steps->ends.empty()) {
      for (std::size_t row = 0; row < state_size_; ++row)
        out[row * lanes_ + column] = is_slope ? 0 : static_cast<double>(lane.start[row * lanes_]);
      continue;
    }
    const std::size_t step = find(lane, times[column]);
    const double h = lane.steps->sizes[step], theta = (times[column] - lane.steps->starts[step]) / h;
    const T* coefficients = lane.steps->coefficients.data() + step * lane.terms * recorded_;
    const auto at = [&](std::size_t p, std::size_t row) {
      return static_cast<double>(coefficients[p * recorded_ + row]);
    };
    for (std::size_t row = 0; row < state_size_; ++row) {
      double value = 0;
      if (is_slope) {
        for (std::size_t p = lane.terms; p-- > 1;) value = value * theta + static_cast<double>(p) * at(p, row);
        value /= h;
      } else {
        for (std::size_t p = lane.terms; p-- > 0;) value = value * theta + at(p, row);
      }
      out[row * lanes_ + column] = value;
    }
  }
}

template <class T>
void DenseTrajectory<T>::write_states(const double* times, T* out) {
  write(times, false, values_.data());
  for (std::size_t i = 0; i < values_.size(); ++i) out[i] = static_cast<T>(values_[i]);
}

template class DenseTrajectory<float>;
template class DenseTrajectory<double>;

namespace {

class TrajectoryTileOp : public TileOp<double> {
 public:
  TrajectoryTileOp(std::shared_ptr<LaneTrajectory> trajectory, bool is_slope)
      : trajectory_(std::move(trajectory)), is_slope_(is_slope) {}

  void run(const TileOpRun<double>& run, double* out) const override {
    trajectory_->write(run.operands[0], is_slope_, out);
  }

 private:
  std::shared_ptr<LaneTrajectory> trajectory_;
  bool is_slope_;
};

class AtTime : public Extension {
 public:
  AtTime(std::shared_ptr<LaneTrajectory> trajectory, bool is_slope)
      : trajectory_(std::move(trajectory)), is_slope_(is_slope) {}

  std::string name() const override { return "trajectory"; }
  std::string attributes() const override { return is_slope_ ? "slope" : ""; }
  Shape infer_shape(std::span<const Shape>) const override {
    return Shape{static_cast<std::int64_t>(trajectory_->state_size())};
  }
  std::vector<double> interpret(std::span<const std::vector<double>>) const override {
    COSTATE_CHECK(false, "a trajectory is one of a tile's lanes");
    return {};
  }
  Array jvp(std::span<const Array> operands, const Array&, std::span<const Array> tangents) const override {
    COSTATE_CHECK(!is_slope_, "a trajectory is differentiated once");
    return costate::apply(std::make_shared<AtTime>(trajectory_, true), operands) * tangents[0];
  }
  bool equals(const Extension& other) const override {
    const auto* at_time = dynamic_cast<const AtTime*>(&other);
    return at_time != nullptr && at_time->trajectory_ == trajectory_ && at_time->is_slope_ == is_slope_;
  }
  std::unique_ptr<TileOp<float>> lower_f32(const TileOpContext&) const override {
    COSTATE_CHECK(false, "what f32 programs compute of t alone is evaluated in f64");
    return nullptr;
  }
  std::unique_ptr<TileOp<double>> lower_f64(const TileOpContext&) const override {
    return std::make_unique<TrajectoryTileOp>(trajectory_, is_slope_);
  }

 private:
  std::shared_ptr<LaneTrajectory> trajectory_;
  bool is_slope_;
};

}  // namespace

Array at_time(const std::shared_ptr<LaneTrajectory>& trajectory, const Array& t) {
  return costate::apply(std::make_shared<AtTime>(trajectory, false), std::span(&t, 1));
}

}  // namespace costate::internal

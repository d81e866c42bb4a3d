#include "costate/solve/internal/sde_noise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "costate/base/error.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/extension.h"

namespace costate::internal {
namespace {

using Grid = std::shared_ptr<const SdeGrid>;

std::array<double, 3> step_at(const SdeGrid& grid, double t) {
  const auto& times = grid.times;
  auto next = static_cast<std::size_t>(std::ranges::upper_bound(times, t) - times.begin());
  // A time is that of a step's start up to rounding.
  if (next > 0 && (next == times.size() || t - times[next - 1] <= times[next] - t)) --next;
  next = std::min(next, grid.num_steps() - 1);
  const double h = times[next + 1] - times[next];
  return {static_cast<double>(next), times[next], h > 0 ? h : 1};  // divided by, where no time passes at all
}

/// An operation whose result no operand moves.
template <class Self>
class OfGrid : public LoweredBy<Self> {
 public:
  explicit OfGrid(Grid grid) : grid_(std::move(grid)) {}

  const SdeGrid& grid() const { return *grid_; }
  const Grid& shared_grid() const { return grid_; }
  bool has_grid_of(const OfGrid& other) const { return grid_ == other.grid_ || *grid_ == *other.grid_; }
  std::vector<Array> vjp(std::span<const Array> operands, const Array&, const Array&,
                         const std::vector<bool>&) const override {
    return std::vector<Array>(operands.size());
  }
  Array jvp(std::span<const Array>, const Array& result, std::span<const Array>) const override {
    return zeros(result.shape());
  }
  std::shared_ptr<const Extension> tightened() const override {
    throw NotSupported(
        "[solve_sde] a gradient's error cannot be estimated by tighter tolerances: an SDE's steps are fixed. Take the "
        "gradient with shorter steps, too.");
  }
  std::string attributes() const override { return text::concat("seed=", grid_->seed, ", steps=", grid_->num_steps()); }

 private:
  Grid grid_;
};

// ---- the step

template <class T>
class StepTileOp : public TileOp<T> {
 public:
  StepTileOp(Grid grid, const TileOpContext& context) : grid_(std::move(grid)), context_(context) {}

  void run(const TileOpRun<T>& run, T* out) const override {
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const auto step = step_at(*grid_, static_cast<double>(run.operands[0][context_.operand_is_shared[0] ? 0 : lane]));
      for (std::size_t i = 0; i < step.size(); ++i) out[i * context_.lanes + lane] = static_cast<T>(step[i]);
    }
  }

 private:
  Grid grid_;
  TileOpContext context_;
};

class Step : public OfGrid<Step> {
 public:
  using OfGrid::OfGrid;
  std::string name() const override { return "sde_step"; }
  Shape infer_shape(std::span<const Shape>) const override { return Shape{3}; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    const auto step = step_at(grid(), operands[0][0]);
    return {step.begin(), step.end()};
  }
  bool equals(const Extension& other) const override {
    const auto* same = dynamic_cast<const Step*>(&other);
    return same != nullptr && has_grid_of(*same);
  }
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<StepTileOp<T>>(shared_grid(), context);
  }
};

// ---- the noise

/// The paths of several samples, [channels, samples], and what they do in steps. Steps that follow each other share a
/// place, which is looked up once.
class NoiseReader {
 public:
  NoiseReader(const SdeGrid& grid, const NoiseRequest& request, std::size_t samples)
      : grid_(&grid),
        request_(request),
        samples_(samples),
        paths_(grid.seed, grid.t1 - grid.t0, samples * static_cast<std::size_t>(request.channels)),
        names_(samples, {-1, -1}) {
    for (Place& place : places_) {
      place.w.resize(paths_.count());
      place.integral.resize(paths_.count());
    }
  }

  void name(std::size_t sample, double stream, double number) {
    const std::array<double, 2> name =
        names_path(stream) && names_path(number) ? std::array{stream, number} : std::array{-1.0, -1.0};
    if (name == names_[sample]) return;
    names_[sample] = name;
    if (name[0] < 0) return;
    for (std::size_t channel = 0; channel < static_cast<std::size_t>(request_.channels); ++channel)
      paths_.name(channel * samples_ + sample, stream, number, static_cast<double>(channel));
    for (Place& place : places_) place.index = kNone;
  }

  /// Writes what the paths of the wanted samples do in a step.
  template <class T, class IsWanted>
  void write(std::size_t step, const IsWanted& is_wanted, T* out) {
    if (grid_->t1 == grid_->t0) {
      std::fill_n(out, paths_.count() * (request_.has_integrals ? 2 : 1), T{0});
      return;
    }
    const Place &start = place_at(step, step + 1), &end = place_at(step + 1, step);
    const double h = grid_->times[step + 1] - grid_->times[step];
    for (std::size_t channel = 0; channel < static_cast<std::size_t>(request_.channels); ++channel)
      for (std::size_t sample = 0; sample < samples_; ++sample) {
        if (!is_wanted(sample)) continue;
        const std::size_t i = channel * samples_ + sample;
        const double nan = std::numeric_limits<double>::quiet_NaN();
        const double valid = names_[sample][0] >= 0 ? 1 : nan;
        out[i] = static_cast<T>(valid * (end.w[i] - start.w[i]));
        if (request_.has_integrals)
          out[paths_.count() + i] = static_cast<T>(valid * ((end.integral[i] - start.integral[i]) - h * start.w[i]));
      }
  }

 private:
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  struct Place {
    std::size_t index = kNone;
    std::vector<double> w, integral;
  };

  /// The paths at the grid's time `index`; the other place that is kept is `other`, if it is.
  const Place& place_at(std::size_t index, std::size_t other) {
    for (const Place& place : places_)
      if (place.index == index) return place;
    Place& place = places_[0].index == other ? places_[1] : places_[0];
    paths_.at(grid_->places[index], place.w, place.integral);
    place.index = index;
    return place;
  }

  const SdeGrid* grid_;
  NoiseRequest request_;
  std::size_t samples_;
  BrownianPaths paths_;
  std::vector<std::array<double, 2>> names_;
  Place places_[2];
};

struct NoiseState : TileOpState {
  NoiseState(const SdeGrid& grid, const NoiseRequest& request, std::size_t lanes) : reader(grid, request, lanes) {}
  NoiseReader reader;
  std::vector<std::size_t> steps;
};

template <class T>
class NoiseTileOp : public TileOp<T> {
 public:
  NoiseTileOp(Grid grid, const NoiseRequest& request, const TileOpContext& context)
      : grid_(std::move(grid)), request_(request), context_(context) {}

  std::unique_ptr<TileOpState> make_state() const override {
    return std::make_unique<NoiseState>(*grid_, request_, context_.lanes);
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<NoiseState&>(*run.state);
    const std::size_t lanes = context_.lanes;
    const auto read = [&](std::size_t operand, std::size_t row, std::size_t lane) {
      const bool is_shared = context_.operand_is_shared[operand];
      return static_cast<double>(run.operands[operand][is_shared ? row : row * lanes + lane]);
    };
    state.steps.resize(lanes);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      state.reader.name(lane, read(0, 0, lane), read(0, 1, lane));
      state.steps[lane] = static_cast<std::size_t>(read(1, 0, lane));
    }
    // Nearly always all lanes are in one step.
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::size_t step = state.steps[lane];
      if (std::find(state.steps.begin(), state.steps.begin() + static_cast<std::ptrdiff_t>(lane), step) !=
          state.steps.begin() + static_cast<std::ptrdiff_t>(lane))
        continue;
      state.reader.write(
          step, [&](std::size_t sample) { return state.steps[sample] == step; }, out);
    }
  }

 private:
  Grid grid_;
  NoiseRequest request_;
  TileOpContext context_;
};

class Noise : public OfGrid<Noise> {
 public:
  Noise(Grid grid, const NoiseRequest& request) : OfGrid(std::move(grid)), request_(request) {}
  std::string name() const override { return "sde_noise"; }
  Shape infer_shape(std::span<const Shape>) const override {
    return Shape{request_.channels * (request_.has_integrals ? 2 : 1)};
  }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    NoiseReader reader(grid(), request_, 1);
    reader.name(0, operands[0][0], operands[0][1]);
    std::vector<double> out(static_cast<std::size_t>(infer_shape({}).size()));
    reader.write(
        static_cast<std::size_t>(operands[1][0]), [](std::size_t) { return true; }, out.data());
    return out;
  }
  bool equals(const Extension& other) const override {
    const auto* same = dynamic_cast<const Noise*>(&other);
    return same != nullptr && has_grid_of(*same) && same->request_.channels == request_.channels &&
           same->request_.has_integrals == request_.has_integrals;
  }
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<NoiseTileOp<T>>(shared_grid(), request_, context);
  }

 private:
  NoiseRequest request_;
};

}  // namespace

bool names_path(double number) { return number >= 0 && number < kMostPaths && number == std::floor(number); }

SdeGrid sde_grid(std::uint64_t seed, const std::vector<double>& step_times) {
  SdeGrid grid{.seed = seed, .t0 = step_times.front(), .t1 = step_times.back(), .times = {}, .places = {}};
  for (const double t : step_times) {
    if (grid.times.empty() || t > grid.times.back()) grid.times.push_back(t);
  }
  if (grid.times.size() == 1) grid.times.push_back(grid.times.front());  // no step is ever taken
  for (const double t : grid.times)
    grid.places.push_back(grid.t1 > grid.t0 ? brownian_place(t, grid.t0, grid.t1) : BrownianPlace{});
  return grid;
}

Array sde_step(const std::shared_ptr<const SdeGrid>& grid, const Array& t) {
  return costate::apply(std::make_shared<Step>(grid), std::span(&t, 1));
}

Array sde_noise(const std::shared_ptr<const SdeGrid>& grid, const NoiseRequest& request, const Array& path,
                const Array& step) {
  const std::vector<Array> operands = {path, step};
  return costate::apply(std::make_shared<Noise>(grid, request), operands);
}

}  // namespace costate::internal

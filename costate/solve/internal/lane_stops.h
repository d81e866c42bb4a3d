// The stops of each lane of a tile: those that all samples share, and those of its own arguments.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"
#include "costate/solve/internal/field_stops.h"
#include "costate/solve/options.h"

namespace costate::internal {

/// The stops of a solve, for all its tiles.
struct StopTables {
  /// In f32, `rounds_time` says whether the field reads t itself as such.
  StopTables(const VectorField& field, const SolveOptions& options, Dtype dtype, bool rounds_time, std::size_t lanes);

  bool is_empty() const { return known.empty() && !of_arguments; }
  /// How many stops each table has.
  std::vector<std::size_t> counts() const;
  /// Whether all samples have the same stops, as far as their arguments' kinds tell.
  bool are_shared() const { return !reads_samples; }

  std::vector<KnownStops> known;
  std::optional<TileFunction<double>> of_arguments;  // FieldStops::of_arguments: an epoch may need all digits
  std::vector<StopKind> argument_kinds;
  std::vector<std::size_t> sizes;   // of each of its outputs
  std::vector<std::size_t> inputs;  // of each of its inputs; 0: it does not read it
  std::vector<bool> is_shared;      // of each of its inputs
  bool reads_samples = false;       // an argument of each sample's own
  std::size_t lanes;
};

template <class T>
class LaneStops {
 public:
  explicit LaneStops(const StopTables& tables);

  bool is_empty() const { return tables_.is_empty(); }
  /// Reads the stops that depend on arguments (of the field, then its Parameters), of all lanes. Allocates nothing.
  void load(std::span<const T* const> arguments, std::size_t num_samples);
  /// The lane's times are those of a grid of fixed steps between these (stop_tolerance).
  void set_grid(std::size_t lane, double start, double end) { grids_[lane] = std::max(std::abs(start), std::abs(end)); }

  /// All of the lane's stops, table after table, each ascending, and how far their sides are; both have room for them.
  void list(std::size_t lane, std::span<double> times, std::span<double> insides) const;
  /// What stop_tolerance takes besides t, but for a grid.
  double scale(std::size_t lane) const { return scales_[lane]; }
  /// The first stop after t on the way to `end`; `end` if there is none before it.
  double next(std::size_t lane, double t, double end) const;
  /// t, or if it is a stop the time on its later (direction 1) or earlier side (-1).
  double side(std::size_t lane, double t, double direction) const;

 private:
  /// A lane's stops from one table.
  struct Table {
    const double* first = nullptr;
    std::size_t stride = 1, count = 0;
    bool descends = false;
    StopKind kind;

    /// Ascending.
    double at(std::size_t i) const { return first[(descends ? count - 1 - i : i) * stride]; }
  };

  std::size_t num_tables() const { return tables_.known.size() + tables_.argument_kinds.size(); }
  Table table(std::size_t index, std::size_t lane) const;
  static std::size_t count_up_to(const Table& table, double t, std::uint32_t& hint);
  double near(std::size_t lane, double t) const { return stop_tolerance(t, scales_[lane] + grids_[lane]); }
  std::uint32_t& hint(std::size_t index, std::size_t lane) const { return hints_[index * tables_.lanes + lane]; }

  const StopTables& tables_;
  TileWorkspace<double> workspace_;
  AlignedVector<double> shared_, saved_;          // of the TileFunction
  std::vector<AlignedVector<double>> arguments_;  // its inputs, in f64
  std::vector<AlignedVector<double>> values_;     // its outputs
  std::vector<const double*> inputs_;             // its pointers
  std::vector<double*> outputs_;
  std::vector<double> scales_, grids_;        // [lanes]
  mutable std::vector<std::uint32_t> hints_;  // [table, lanes] where the last search ended
};

extern template class LaneStops<float>;
extern template class LaneStops<double>;

}  // namespace costate::internal

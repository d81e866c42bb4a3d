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
#include "costate/solve/internal/stop_rule.h"
#include "costate/solve/solve.h"

namespace costate::internal {

/// The stops of a solve, for all its tiles.
template <class T>
struct StopTables {
  StopTables(const VectorField& field, const SolveOptions& options, std::size_t lanes);

  bool is_empty() const { return shared.empty() && !of_arguments; }

  std::vector<double> shared;  // ascending
  double offset = 0;           // of the tables of `shared` (StopRule), as each of the others gives its own
  StopRule rule;
  std::optional<TileFunction<T>> of_arguments;  // FieldStops::of_arguments
  std::vector<std::size_t> sizes;               // of each of its outputs
  std::size_t first_argument = 0;               // among the inputs of the field's Function
  std::size_t lanes;
};

template <class T>
class LaneStops {
 public:
  explicit LaneStops(const StopTables<T>& tables);

  bool is_empty() const { return tables_.is_empty(); }
  /// Reads the stops that depend on arguments (of the field, then its Parameters), of all lanes. Allocates nothing.
  void load(std::span<const T* const> arguments, std::size_t num_samples);

  /// The lane's times are those of a grid of fixed steps between these (StopRule::tolerance).
  void set_grid(std::size_t lane, double start, double end) { grids_[lane] = std::max(std::abs(start), std::abs(end)); }

  /// The first stop after t on the way to `end`; `end` if there is none before it.
  double next(std::size_t lane, double t, double end) const;
  /// t, or if it is a stop the time on its later (direction 1) or earlier side (-1).
  double side(std::size_t lane, double t, double direction) const;

 private:
  /// A lane's stops from one table.
  struct Table {
    const double* shared = nullptr;
    const T* column = nullptr;
    std::size_t stride = 1, count = 0;
    bool descends = false;

    double at(std::size_t i) const;  // ascending
  };

  double near(std::size_t lane, double t) const { return StopRule::tolerance(t, offsets_[lane] + grids_[lane]); }
  std::size_t num_tables() const { return 1 + tables_.sizes.size() / 2; }
  Table table(std::size_t index, std::size_t lane) const;
  std::size_t count_up_to(const Table& table, double t, std::uint32_t& hint) const;
  std::uint32_t& hint(std::size_t index, std::size_t lane) const { return hints_[index * tables_.lanes + lane]; }

  const StopTables<T>& tables_;
  TileWorkspace<T> workspace_;
  AlignedVector<T> shared_, saved_;       // of the TileFunction
  std::vector<AlignedVector<T>> values_;  // its outputs
  std::vector<double> offsets_, grids_;   // [lanes]
  std::vector<const T*> inputs_;          // its pointers
  std::vector<T*> outputs_;
  mutable std::vector<std::uint32_t> hints_;  // [table, lanes] where the last search ended
};

extern template struct StopTables<float>;
extern template struct StopTables<double>;
extern template class LaneStops<float>;
extern template class LaneStops<double>;

}  // namespace costate::internal

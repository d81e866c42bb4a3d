// Time series in tables: one row a sample, columns by role.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/io/csv.h"

namespace costate {

/// Which column plays which role.
struct SeriesColumns {
  std::string time;
  std::vector<std::string> states;
  std::vector<std::string> inputs = {};
  /// Constants of a trajectory, such as a dose or a weight: one number in all its rows, or in some, others left empty.
  std::vector<std::string> covariates = {};
  /// Rows with the same cell here are one trajectory (they need not be neighbours); "" for a file of one trajectory.
  std::string trajectory = {};
  /// Of an earlier file, to read calendar times onto the same axis; empty to start at the earliest.
  TimeScale time_scale = {};
  /// Shorter trajectories are refused. A single starting state is a file with one row.
  std::size_t min_samples = 2;
};

/// Sorts the rows of a table into trajectories, in the order of their first rows. States may be missing (NaN).
///
/// Throws: InvalidArgument if a column is named twice or no state is named; DataError, naming the line, for a missing
///         column, times that repeat or go backwards, a missing time, input or trajectory cell, a state without any
///         number, a trajectory shorter than `min_samples`, and as CsvTable's conversions.
TimeSeries series_from_table(const CsvTable& table, const SeriesColumns& columns);

/// Reads a CSV file as a time series. IoError if it cannot be read.
TimeSeries read_series(const std::filesystem::path& path, const SeriesColumns& columns);

/// The columns that write_series writes: an id column if the trajectories have ids, time, states, inputs.
std::vector<CsvColumn> series_columns(const TimeSeries& series);

/// Writes a time series as CSV, such that read_series gives it back bit for bit. Times are written as numbers; a
/// comment says what they are if they were dates.
void write_series(const std::filesystem::path& path, const TimeSeries& series, std::vector<std::string> comments = {});

}  // namespace costate

// Time series in tables: one row a sample, columns by role.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/io/csv.h"

namespace costate {

/// Which column plays which role. `time` and `trajectory` may name several columns, "Date,Time".
struct SeriesColumns {
  /// Empty for a file without times, whose rows are `step` apart, or 1 / `rate`, in each trajectory from 0 on.
  std::string time = {};
  std::vector<std::string> states = {};
  std::vector<std::string> inputs = {};
  /// Constants of a trajectory, such as a dose or a weight: one number in all its rows, or in some, others left empty.
  std::vector<std::string> covariates = {};
  /// What enters the system at a row's time, such as a dose (event_column); an empty cell or 0 is none.
  std::vector<std::string> events = {};
  /// Rows with the same cell here are one trajectory (they need not be neighbours); "" for a file of one trajectory.
  std::string trajectory = {};
  /// Of a long table, in which a row is one measured quantity: the columns of its name and of its value. States, inputs
  /// and amounts of events are then quantities; an input or an amount may also be a column, rates and durations are.
  std::string quantity = {}, value = {};
  double step = 0, rate = 0;
  /// Of strptime, where dates do not tell it themselves: "%d/%m/%Y %H:%M".
  std::string time_format = {};
  TableLayout layout = {};
  /// Of an earlier file, to read calendar times onto the same axis; empty to start at the earliest.
  TimeScale time_scale = {};
  /// Shorter trajectories are refused. A single starting state is a file with one row.
  std::size_t min_samples = 2;

  /// Whether it is said what the times are.
  bool has_times() const { return !time.empty() || step != 0 || rate != 0; }
};

/// The columns of an event, "[NAME=]AMOUNT[:rate|:duration[=COLUMN]]": all columns are called as the quantity that they
/// hold where nothing else is said.
struct EventColumn {
  std::string name;
  std::string amount;
  std::string rate = {}, duration = {};  // of an infusion: one of them at most; an empty cell or 0 is a bolus

  bool has_column(const std::string& column) const { return column == amount || column == rate || column == duration; }
};

/// InvalidArgument for a text of another form.
EventColumn event_column(const std::string& text);

/// Sorts the rows of a table into trajectories, in the order of their first rows. States may be missing (NaN), or known
/// by a limit of detection alone ("<0.01", Trajectory::below). Values of a state at the same time of a trajectory are
/// repeated measurements: their mean is the state, and Trajectory::repeats counts them.
///
/// Throws: InvalidArgument if a column is named twice, neither a state nor an event is named, or there is no one way to
///         times; DataError, naming the line, for a missing column or quantity, times that go backwards, a missing
///         time, input or trajectory cell, an input that differs at one time, several values at one time that a column
///         not named tells apart, a state without any number (with `min_samples` of 1: all states), an infusion of no
///         positive rate or duration, a trajectory shorter than `min_samples`, and as CsvTable's conversions.
TimeSeries series_from_table(const CsvTable& table, const SeriesColumns& columns);

/// Reads a file as a time series, in any format of read_table. IoError if it cannot be read.
TimeSeries read_series(const std::filesystem::path& path, const SeriesColumns& columns);

/// The columns that write_series writes: an id column if the trajectories have ids, time, states, inputs. Dates are
/// dates, in the format of the time scale; ids and times of several columns are several columns again.
std::vector<CsvColumn> series_columns(const TimeSeries& series);

/// Writes a time series as CSV, such that read_series gives it back: numbers bit for bit, dates to a microsecond.
/// `provenance` goes beside it, into the file's name with ".txt" added; nothing does if it is empty or the file is
/// a device or a pipe.
void write_series(const std::filesystem::path& path, const TimeSeries& series, const std::string& provenance = {});

}  // namespace costate

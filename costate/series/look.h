// What a file holds, said before anything is trained: `costate look`, and the first lines of a fit.
#pragma once

#include <string>
#include <vector>

#include "costate/io/csv.h"
#include "costate/series/fit.h"

namespace costate {

/// The roles that `given` leaves open, guessed from names and cells: the column of dates, or of numbers that increase,
/// is time; one that splits rows whose times turn back tells trajectories apart; one that names what rows with equal
/// times measured is the quantity of a long table; constants of trajectories are covariates, and what is called a dose
/// is an event where it is empty or 0 at times; all other numbers are states.
SeriesColumns guess_columns(const CsvTable& table, SeriesColumns given);

/// Whether a column is called what columns are that name what a row measured: quantity, variable, observableId, …
bool is_called_quantity(const std::string& name);

/// Lines about a table: its rows, what was passed over, and of each column its role, unit, range and missing cells.
std::string describe(const CsvTable& table, const SeriesColumns& columns);

/// Lines about a series as a fit takes it: trajectories, spacing, gaps, repeated measurements, missing cells, period,
/// and the three parts.
std::string describe(const PreparedSeries& prepared);

/// A line for each code for missing and each column with outliers, which a fit logs as a warning.
std::string describe_outliers(const PreparedSeries& prepared);

/// The errors of rivals of few numbers on the test part, as a table; "" if nothing is held out.
std::string describe_rivals(const PreparedSeries& prepared);

/// "costate fit data.csv --time t --state x,y": the command with the options that are not as a fit has them anyway.
std::string fit_command(const FitConfig& config);

}  // namespace costate

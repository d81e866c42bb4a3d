// Many fits beside each other: a table for programs, and a page.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "costate/report/html.h"

namespace costate {

struct SweepRow {
  std::string run;                  // its folder in that of the sweep
  std::vector<std::string> values;  // of the options that vary
  std::string state;                // "done", "failed", "waiting": not run, or stopped before its end
  std::string message = {};         // of a failed one
  // As in metrics.json, relative to the states' deviations.
  std::optional<double> validation_error = {}, test_error = {}, rival_error = {};
  std::string rival = {};  // the best of them on the test
  std::optional<double> epochs = {}, seconds = {};
  std::string chosen = {};  // the form of model
};

struct SweepResult {
  std::string data;
  std::vector<std::string> varied;  // names of options
  std::vector<SweepRow> rows;       // in the order of the grid
};

/// A row from the folder of a run, which may be unfinished or not there. DataError if its metrics are damaged.
SweepRow read_sweep_row(const std::filesystem::path& sweep, const std::string& run, std::vector<std::string> values);

/// The rows as a CSV file. Throws as write_csv.
void write_sweep_table(const std::filesystem::path& path, const SweepResult& result);

/// The rows by validation error, and what failed. The test judges the one that validation chose, and chooses none.
Report sweep_report(const SweepResult& result);

}  // namespace costate

#include "costate/report/sweep_report.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/io/csv.h"
#include "costate/io/json.h"
#include "costate/io/run_folder.h"
#include "costate/series/fit_run.h"
#include "costate/series/forecaster.h"

namespace costate {
namespace {

constexpr const char *kErrors = "hold_out_error", *kRelative = "relative";

/// What validation said of the form that was chosen; without a choice, of the training.
std::optional<double> validation_error(const JsonFile& metrics) {
  std::optional<double> least;
  for (const std::string& trial : metrics.members({"trials"}))
    if (const auto error = metrics.number({"trials", trial, "validation_error"}); error && (!least || *error < *least))
      least = error;
  return least;
}

double or_nan(const std::optional<double>& number) { return number.value_or(std::numeric_limits<double>::quiet_NaN()); }

template <class Value>
CsvColumn column(const std::string& name, const std::vector<SweepRow>& rows, Value value) {
  using Cell = std::decay_t<decltype(value(rows.front()))>;
  std::vector<Cell> cells;
  for (const SweepRow& row : rows) cells.push_back(value(row));
  return {name, std::move(cells)};
}

std::string error_cell(const std::optional<double>& number) { return number ? text::number(*number) : "–"; }

std::vector<SweepRow> by_validation(std::vector<SweepRow> rows) {
  std::ranges::stable_sort(rows, {}, [](const SweepRow& row) {
    return row.validation_error.value_or(std::numeric_limits<double>::infinity());
  });
  return rows;
}

std::string summary_of(const SweepResult& result) {
  const auto count = [&](const std::string& state) { return std::ranges::count(result.rows, state, &SweepRow::state); };
  return text::concat(result.rows.size(), " fits: ", count("done"), " done, ", count("failed"), " failed, ",
                      count("waiting"), " not run to their end.");
}

}  // namespace

SweepRow read_sweep_row(const std::filesystem::path& sweep, const std::string& run, std::vector<std::string> values) {
  SweepRow row{.run = run, .values = std::move(values), .state = "waiting"};
  if (!RunFolder::is_run(sweep / run)) return row;
  const RunFolder folder = RunFolder::open(sweep / run);
  if (!std::filesystem::exists(folder.report())) return row;  // a fit writes it last
  const JsonFile metrics(folder.metrics());
  if (metrics.text({"ended_by"}) == kInterrupt) return row;
  row.state = "done";
  row.validation_error = validation_error(metrics);
  row.test_error = metrics.number({kErrors, kModelName, kRelative});
  for (const std::string& name : metrics.members({kErrors})) {
    const auto error = metrics.number({kErrors, name, kRelative});
    if (name == kModelName || !error || (row.rival_error && *row.rival_error <= *error)) continue;
    row.rival = name;
    row.rival_error = error;
  }
  row.epochs = metrics.number({"epochs"});
  row.seconds = metrics.number({"seconds"});
  row.chosen = metrics.text({"chosen"}).value_or("");
  return row;
}

void write_sweep_table(const std::filesystem::path& path, const SweepResult& result) {
  const std::vector<SweepRow>& rows = result.rows;
  std::vector<CsvColumn> columns = {column("run", rows, [](const SweepRow& row) { return row.run; })};
  for (std::size_t i = 0; i < result.varied.size(); ++i)
    columns.push_back(column(result.varied[i], rows, [i](const SweepRow& row) { return row.values[i]; }));
  columns.push_back(column("state", rows, [](const SweepRow& row) { return row.state; }));
  columns.push_back(column("validation_error", rows, [](const SweepRow& row) { return or_nan(row.validation_error); }));
  columns.push_back(column("test_error", rows, [](const SweepRow& row) { return or_nan(row.test_error); }));
  columns.push_back(column("best_rival", rows, [](const SweepRow& row) { return row.rival; }));
  columns.push_back(column("rival_error", rows, [](const SweepRow& row) { return or_nan(row.rival_error); }));
  columns.push_back(column("epochs", rows, [](const SweepRow& row) { return or_nan(row.epochs); }));
  columns.push_back(column("seconds", rows, [](const SweepRow& row) { return or_nan(row.seconds); }));
  columns.push_back(column("chosen", rows, [](const SweepRow& row) { return row.chosen; }));
  columns.push_back(column("message", rows, [](const SweepRow& row) { return row.message; }));
  write_csv(path, columns);
}

Report sweep_report(const SweepResult& result) {
  Table table{.header = {"run"}};
  table.header.insert(table.header.end(), result.varied.begin(), result.varied.end());
  for (const char* name : {"validation error", "test error", "best rival", "its error", "epochs", "seconds", "form"})
    table.header.emplace_back(name);
  Table failed{.header = {"run", "message"}};
  for (const SweepRow& row : by_validation(result.rows)) {
    if (row.state == "failed") failed.rows.push_back({row.run, row.message});
    if (row.state != "done") continue;
    std::vector<std::string> cells = {row.run};
    cells.insert(cells.end(), row.values.begin(), row.values.end());
    for (const std::string& cell :
         {error_cell(row.validation_error), error_cell(row.test_error), row.rival, error_cell(row.rival_error),
          error_cell(row.epochs), error_cell(row.seconds), row.chosen})
      cells.push_back(cell);
    table.rows.push_back(std::move(cells));
  }
  Report report{.title = text::concat("Sweep over ", text::join(result.varied)),
                .subtitle = text::concat("fitted to ", result.data)};
  Section fits{"Fits", {Paragraph{summary_of(result)}}};
  if (!table.rows.empty()) {
    fits.blocks.push_back(Paragraph{
        "By the error of forecasts of the validation part, in deviations of the states: choose by that. The test part "
        "had no say; it judges the one that is chosen, and would flatter the best of many."});
    fits.blocks.push_back(table);
  }
  report.sections.push_back(std::move(fits));
  if (!failed.rows.empty()) report.sections.push_back({"Failed", {failed}});
  return report;
}

}  // namespace costate

#include "costate/io/internal/series_checks.h"

#include <algorithm>
#include <optional>
#include <set>

#include "costate/base/error.h"
#include "costate/io/internal/event_cells.h"
#include "costate/io/internal/shown.h"
#include "costate/io/internal/trajectory_key.h"

namespace costate::internal {
namespace {

void check_way_to_times(const SeriesColumns& columns) {
  const int ways = !columns.time.empty() + (columns.step != 0) + (columns.rate != 0);
  if (ways == 0)
    throw InvalidArgument(
        "[read_series] a column of times is needed: name it with --time, or give --step or --rate if the file has "
        "none.");
  if (ways > 1) throw InvalidArgument("[read_series] --time, --step and --rate exclude each other; give one of them.");
  if (columns.quantity.empty() != columns.value.empty())
    throw InvalidArgument(
        "[read_series] a long table needs both --quantity and --value, the columns of names and numbers.");
}

/// The columns that have a role.
std::vector<std::string> used_columns(const CsvTable& table, const SeriesColumns& columns) {
  std::vector<std::string> used = columns.states;
  used.insert(used.end(), columns.inputs.begin(), columns.inputs.end());
  used.insert(used.end(), columns.covariates.begin(), columns.covariates.end());
  for (const std::string& name : columns_of_events(columns)) used.push_back(name);
  for (const std::string& role : {columns.time, columns.trajectory, columns.quantity, columns.value})
    for (const std::string& name : table.columns_of(role)) used.push_back(name);
  return used;
}

/// How to read a table as a long one whose column `words` names what a row measured; "" if it cannot be one.
std::string advice_on_words(const CsvTable& table, const SeriesColumns& columns, const std::string& words) {
  if (!columns.quantity.empty() || columns.states.size() != 1 || !holds_words(table, words)) return "";
  const std::string column = shown(words);
  return text::concat("if it names what a row measured, take --quantity '", column, "' --value '", columns.states[0],
                      "' and its words as states; ");
}

}  // namespace

void check_roles(const SeriesColumns& columns) {
  if (columns.states.empty() && columns.events.empty())
    throw InvalidArgument("[read_series] at least one state column is needed; got none. Name one.");
  check_way_to_times(columns);
  std::vector<std::string> all;
  if (!columns.time.empty()) all.push_back(columns.time);
  all.insert(all.end(), columns.states.begin(), columns.states.end());
  all.insert(all.end(), columns.inputs.begin(), columns.inputs.end());
  all.insert(all.end(), columns.covariates.begin(), columns.covariates.end());
  for (const std::string& name : columns_of_events(columns)) all.push_back(name);
  for (const std::string& name : {columns.trajectory, columns.quantity, columns.value})
    if (!name.empty()) all.push_back(name);
  std::set<std::string> seen;
  for (const std::string& name : all) {
    if (!is_name(name))
      throw InvalidArgument("[read_series] a column's name must be UTF-8 on one line; got '", shown(name),
                            "'. Rename it in the file.");
    if (!seen.insert(name).second)
      throw InvalidArgument(
          "[read_series] a column can be only one of time, state, input, covariate, event and trajectory; '", name,
          "' is named twice.");
  }
}

void check_repeats(const CsvTable& table, const SeriesColumns& columns, const std::vector<std::string>& ids) {
  const std::vector<std::string> used = used_columns(table, columns);
  std::vector<std::string> keys = table.joined(columns.time, " ");
  for (std::size_t row = 0; row < keys.size(); ++row) {
    if (!ids.empty()) keys[row] += "\n" + ids[row];
    if (!columns.quantity.empty()) keys[row] += "\n" + table.text(columns.quantity)[row];
  }
  std::optional<std::string> key = find_trajectory_key(table, used, keys);
  if (!key && columns.quantity.empty()) key = find_naming_words(table, used, keys);
  if (key)
    throw DataError("[read_series] ", table.source(), ": states are given several times for one time, and column '",
                    shown(*key), "' tells these rows apart; ", advice_on_words(table, columns, *key),
                    "if they are several runs, name it with --trajectory",
                    columns.trajectory.empty() ? "" : " " + columns.trajectory + "," + *key,
                    "; if they are repeated measurements, remove it.");
}

void reject_order(const CsvTable& table, const SeriesColumns& columns, const std::string& trajectory,
                  std::size_t before, std::size_t row) {
  const std::vector<std::string> cells = table.joined(columns.time, " ");
  std::string advice;
  const std::vector<std::string> used = used_columns(table, columns);
  for (const std::string& name : table.names())
    if (advice.empty() && std::ranges::count(used, name) == 0 && std::ranges::count(table.names(), name) == 1 &&
        table.text(name)[before] != table.text(name)[row])
      advice = text::concat(" Column '", shown(name), "' changes there: ", advice_on_words(table, columns, name),
                            "if it tells several runs apart, name it with --trajectory.");
  throw DataError("[read_series] ", table.where(row, columns.time), ": times", of_trajectory(shown(trajectory)),
                  " must increase; got ", shown(cells[row]), " after ", shown(cells[before]), " on line ",
                  table.line(before),
                  ". Sort the rows, or name the column that tells several runs apart with --trajectory.", advice);
}

}  // namespace costate::internal

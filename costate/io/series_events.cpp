// The columns of events: how they are named, and what their cells mean.
#include <algorithm>
#include <cmath>

#include "costate/base/error.h"
#include "costate/io/internal/event_cells.h"
#include "costate/io/internal/long_table.h"

namespace costate {
namespace {

constexpr const char* kForm = "[NAME=]AMOUNT[:rate[=COLUMN]|:duration[=COLUMN]]";

/// The parts before and behind the first `delimiter`; the second is empty without it.
std::pair<std::string, std::string> cut(const std::string& text, char delimiter) {
  const std::size_t at = text.find(delimiter);
  if (at == std::string::npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + 1)};
}

}  // namespace

EventColumn event_column(const std::string& text) {
  const auto [head, tail] = cut(text, ':');
  const auto [name, amount] = cut(head, '=');
  EventColumn column{.name = name, .amount = amount.empty() ? name : amount};
  const auto [kind, given] = cut(tail, '=');
  const std::string& detail = given.empty() ? kind : given;
  if (kind == "rate") column.rate = detail;
  if (kind == "duration") column.duration = detail;
  const bool ends_early = text.ends_with(':') || text.ends_with('=') || head.ends_with('=');
  if (name.empty() || ends_early || (!tail.empty() && column.rate.empty() && column.duration.empty()))
    throw InvalidArgument("[read_series] an event must have the form ", kForm, "; got '", text, "'.");
  return column;
}

namespace internal {

std::vector<std::string> columns_of_events(const SeriesColumns& columns) {
  std::vector<std::string> names;
  for (const std::string& text : columns.events) {
    const EventColumn column = event_column(text);
    for (const std::string& name : {column.amount, column.rate, column.duration})
      if (!name.empty()) names.push_back(name);
  }
  return names;
}

EventCells::EventCells(const CsvTable& table, const SeriesColumns& columns) : table_(table) {
  const auto numbers = [&](const std::string& name) {
    return name.empty() ? std::vector<double>{} : table.numbers(name);
  };
  for (const std::string& text : columns.events) {
    const EventColumn column = event_column(text);
    std::vector<double> amounts = is_quantity(table, columns, column.amount)
                                      ? read_quantity(table, columns, column.amount).values
                                      : table.numbers(column.amount);
    cells_.push_back({column, std::move(amounts), numbers(column.rate), numbers(column.duration)});
  }
}

std::vector<std::string> EventCells::names() const {
  std::vector<std::string> names;
  for (const Cells& cells : cells_) names.push_back(cells.column.name);
  return names;
}

bool EventCells::has(std::size_t row) const {
  return std::ranges::any_of(
      cells_, [&](const Cells& cells) { return !std::isnan(cells.amounts[row]) && cells.amounts[row] != 0; });
}

double EventCells::duration_of(const Cells& cells, std::size_t row) const {
  const std::vector<double>& given = cells.rates.empty() ? cells.durations : cells.rates;
  if (given.empty() || std::isnan(given[row]) || given[row] == 0) return 0;
  const double duration = cells.rates.empty() ? given[row] : cells.amounts[row] / given[row];
  if (std::isfinite(duration) && duration > 0) return duration;
  const bool has_rate = !cells.rates.empty();
  throw DataError("[read_series] ", table_.where(row, has_rate ? cells.column.rate : cells.column.duration),
                  ": an infusion must last a positive, finite time; got ",
                  has_rate ? text::concat("an amount of ", cells.amounts[row], " at a rate of ", given[row])
                           : text::concat("a duration of ", given[row]),
                  ".");
}

std::vector<Event> EventCells::of(std::span<const std::size_t> rows, std::span<const double> times) const {
  std::vector<Event> events;
  for (const std::size_t row : rows)
    for (std::size_t k = 0; k < cells_.size(); ++k) {
      const double amount = cells_[k].amounts[row];
      if (!std::isnan(amount) && amount != 0) events.push_back({times[row], k, amount, duration_of(cells_[k], row)});
    }
  std::ranges::stable_sort(events, {}, &Event::time);
  return events;
}

}  // namespace internal
}  // namespace costate

// Roles of columns from their names and cells. Each step takes what the ones before left over.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "costate/base/error.h"
#include "costate/base/text.h"
#include "costate/series/look.h"

namespace costate {
namespace {

constexpr std::size_t kMostQuantities = 30;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

/// "t", "Time (s)", "hours": what people call a column of times.
bool is_called_time(const std::string& name) {
  const std::string first = lower(name.substr(0, name.find_first_of(" ([_")));
  for (const char* known :
       {"t",    "time",  "times", "date",   "datetime", "timestamp", "when",    "hour", "hours", "day", "days",
        "year", "years", "month", "minute", "minutes",  "second",    "seconds", "s",    "sec",   "h",   "min"})
    if (first == known) return true;
  return false;
}

bool is_called_trajectory(const std::string& name) {
  const std::string known = lower(name);
  for (const char* part : {"id", "subject", "patient", "trajectory", "run", "experiment", "trial", "site", "batch",
                           "animal", "plate", "well", "replicate"})
    if (known == part || known.starts_with(std::string(part) + "_") || known.ends_with("_" + std::string(part)) ||
        known.ends_with("id"))
      return true;
  return false;
}

bool is_called_value(const std::string& name) {
  const std::string known = lower(name);
  return known == "value" || known == "values" || known == "measurement" || known == "dv" || known == "result";
}

bool is_called_dose(const std::string& name) {
  const std::string first = lower(name.substr(0, name.find_first_of(" ([_")));
  for (const char* known : {"dose", "doses", "dosage", "amt", "bolus", "infusion"})
    if (first == known) return true;
  return false;
}

/// Whether a column of this name holds marks and no measurements: what kind of row it is, in a table of doses and
/// measurements as NONMEM has it.
bool is_called_mark(const std::string& name) {
  const std::string known = lower(name);
  for (const char* mark : {"evid", "mdv", "cmt", "ss", "addl", "ii"})
    if (known == mark) return true;
  return false;
}

class Guess {
 public:
  Guess(const CsvTable& table, SeriesColumns given) : table_(table), head_(head_of(table)), columns_(std::move(given)) {
    for (const std::string& name : table.names()) {
      if (std::ranges::count(names_, name) > 0) continue;
      names_.push_back(name);
      try {
        std::vector<double> numbers = table.measurements(name).values;
        if (!holds_truths(table, name)) numbers_.emplace(name, std::move(numbers));
      } catch (const DataError&) {  // text, or two columns that differ
      }
    }
  }

  SeriesColumns made() {
    if (!columns_.has_times()) columns_.time = time();
    if (columns_.trajectory.empty()) columns_.trajectory = trajectory();
    if (columns_.quantity.empty() && columns_.states.empty()) take_long_table();
    if (!columns_.quantity.empty() && columns_.states.empty()) take_quantities();
    if (columns_.quantity.empty() && columns_.states.empty()) take_states();
    return columns_;
  }

 private:
  /// Whether columns of this name, if there are several, are equal.
  static bool has_one_meaning(const CsvTable& table, const std::string& name) {
    try {
      table.text(name);
      return true;
    } catch (const DataError&) {
      return false;
    }
  }

  /// The first rows tell a column of dates.
  static CsvTable head_of(const CsvTable& table) {
    constexpr std::ptrdiff_t kMostRows = 1000;
    std::vector<std::string> names;
    std::vector<std::vector<std::string>> columns;
    if (const std::string& first = table.names().front();
        std::ranges::count(table.names(), first) == std::ssize(table.names()))
      table.text(first);  // several columns of one name that differ: its message is what the user needs
    for (const std::string& name : table.names()) {
      if (std::ranges::count(table.names(), name) > 1 && std::ranges::count(names, name) > 0) continue;
      if (!has_one_meaning(table, name)) continue;
      const std::vector<std::string>& cells = table.text(name);
      names.push_back(name);
      columns.emplace_back(cells.begin(), cells.begin() + std::min<std::ptrdiff_t>(std::ssize(cells), kMostRows));
    }
    return {std::move(names), std::move(columns), table.source(), {.missing = table.layout().missing}};
  }

  bool is_number(const std::string& name) const {
    const auto found = numbers_.find(name);
    return found != numbers_.end() &&
           std::ranges::any_of(found->second, [](double number) { return !std::isnan(number); });
  }

  bool is_taken(const std::string& name) const {
    const auto is_in = [&](const std::vector<std::string>& list) { return std::ranges::count(list, name) > 0; };
    const auto is_of_event = [&](const std::string& text) { return event_column(text).has_column(name); };
    if (std::ranges::any_of(columns_.events, is_of_event)) return true;
    return is_in(columns_.inputs) || is_in(columns_.covariates) || name == columns_.quantity ||
           name == columns_.value || (!columns_.time.empty() && is_in(table_.columns_of(columns_.time))) ||
           (!columns_.trajectory.empty() && is_in(table_.columns_of(columns_.trajectory)));
  }

  bool reads_as_time(const std::string& name) const {
    try {
      head_.times(name, {}, columns_.time_format);
      return true;
    } catch (const DataError& error) {
      return std::string(error.what()).find(" ways, and so can every other cell") != std::string::npos;
    }
  }

  /// Dates, with the time of day that may stand in another column; numbers of a telling name; numbers that increase.
  std::string time() const {
    for (const std::string& name : names_) {
      if (is_number(name) || !reads_as_time(name)) continue;
      for (const std::string& clock : names_)
        if (!is_number(clock) && !reads_as_time(clock) && reads_as_time(name + "," + clock)) return name + "," + clock;
      return name;
    }
    const std::string parts = parts_of_dates();
    if (!parts.empty() && reads_as_time(parts)) return parts;
    for (const std::string& name : names_)
      if (is_number(name) && is_called_time(name) && reads_as_time(name)) return name;
    // A column that is called so has a cell that is no time: its message is what the user needs.
    for (const std::string& name : names_)
      if (is_called_time(name)) table_.times(name, {}, columns_.time_format);
    for (const std::string& name : names_)
      if (is_number(name) && increases(name)) return name;
    return "";
  }

  /// "yr,mo,dy,hr,mn": columns of year, month and day, and of what follows; "" if there are none.
  std::string parts_of_dates() const {
    const std::vector<std::vector<std::string>> parts = {{"year", "yr", "yy", "yyyy"}, {"month", "mon", "mo", "mm"},
                                                         {"day", "dy", "dd"},          {"hour", "hr", "hh"},
                                                         {"minute", "min", "mn"},      {"second", "sec", "ss"}};
    std::string found;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto column = std::ranges::find_if(
          names_, [&](const std::string& name) { return std::ranges::count(parts[i], lower(name)) > 0; });
      if (column == names_.end()) return i < 3 ? "" : found;
      found += (i == 0 ? "" : ",") + *column;
    }
    return found;
  }

  bool increases(const std::string& name) const {
    const std::vector<double>& values = numbers_.at(name);
    return std::ranges::none_of(values, [](double value) { return std::isnan(value); }) &&
           std::ranges::adjacent_find(values, std::greater_equal<>()) == values.end();
  }

  std::vector<double> times() const {
    if (columns_.time.empty()) return {};
    try {
      return table_.times(columns_.time, {}, columns_.time_format).values;
    } catch (const DataError&) {
      return {};
    }
  }

  /// A column by whose cells times do not turn back, where they do over all rows; one of a telling name also else, and
  /// one of words where times come again, unless the table seems to be a long one.
  std::string trajectory() const {
    const std::vector<double> all = times();
    if (all.empty()) return "";
    const bool is_one = std::ranges::is_sorted(all);
    const bool is_repeated = std::ranges::adjacent_find(all) != all.end() && !seems_long();
    std::string found;
    for (const std::string& name : names_) {
      if (is_taken(name) || is_called_quantity(name)) continue;
      const std::vector<std::string>& cells = table_.text(name);
      const std::set<std::string> different(cells.begin(), cells.end());
      const bool is_measured = is_number(name) && has_fractions(name);  // if some numbers of it come again by chance
      const bool is_key =
          different.size() > 1 && 2 * different.size() <= cells.size() && !different.contains("") && !is_measured;
      if (is_key && is_called_trajectory(name)) return name;
      const bool may_be = !is_one || (is_repeated && !is_number(name));
      if (is_key && may_be && found.empty() && increases_within(all, cells)) found = name;
    }
    return found;
  }

  /// true and false are read as numbers, but nobody measures them.
  static bool holds_truths(const CsvTable& table, const std::string& name) {
    return std::ranges::any_of(table.text(name), [&](const std::string& cell) {
      return !table.is_missing(cell) && std::isalpha(static_cast<unsigned char>(cell[0])) != 0;
    });
  }

  bool has_fractions(const std::string& name) const {
    return std::ranges::any_of(numbers_.at(name),
                               [](double number) { return std::abs(number - std::floor(number)) > 0; });
  }

  /// Whether columns are called what those of a long table are.
  bool seems_long() const {
    return std::ranges::any_of(
        names_, [](const std::string& name) { return is_called_quantity(name) || is_called_value(name); });
  }

  static bool increases_within(const std::vector<double>& times, const std::vector<std::string>& keys) {
    std::map<std::string, double> last;
    for (std::size_t row = 0; row < times.size(); ++row) {
      const auto [entry, is_new] = last.try_emplace(keys[row], times[row]);
      if (!is_new && times[row] < entry->second) return false;
      entry->second = times[row];
    }
    return true;
  }

  /// Whether a column of text says the same in all rows of each trajectory: what it was, or when it began.
  bool is_word_of_trajectories(const std::string& name) const {
    if (columns_.trajectory.empty()) return false;
    const std::vector<std::string> keys = table_.joined(columns_.trajectory, ",");
    const std::vector<std::string>& cells = table_.text(name);
    std::map<std::string, std::string> first;
    for (std::size_t row = 0; row < cells.size(); ++row)
      if (first.try_emplace(keys[row], cells[row]).first->second != cells[row]) return false;
    return true;
  }

  /// A column of few words beside one column of numbers, where times come more than once.
  void take_long_table() {
    const std::vector<double> all = times();
    const std::set<double> different(all.begin(), all.end());
    if (different.size() == all.size() || !seems_long()) return;
    std::vector<std::string> words, values;
    for (const std::string& name : names_) {
      if (is_taken(name)) continue;
      if (is_number(name) && !is_called_quantity(name)) {
        values.push_back(name);
        continue;
      }
      if (is_word_of_trajectories(name)) continue;
      const std::vector<std::string>& cells = table_.text(name);
      const std::set<std::string> kinds(cells.begin(), cells.end());
      if (kinds.size() > 1 && kinds.size() <= kMostQuantities && !kinds.contains("")) words.push_back(name);
    }
    const auto called = std::ranges::find_if(values, is_called_value);
    if (words.empty() || (values.size() != 1 && called == values.end())) return;
    const auto telling = std::ranges::find_if(words, is_called_quantity);
    columns_.quantity = telling == words.end() ? words.front() : *telling;
    columns_.value = called == values.end() ? values.front() : *called;
  }

  /// Doses among them are events.
  void take_quantities() {
    for (const std::string& cell : table_.text(columns_.quantity)) {
      const bool is_known = std::ranges::count(columns_.states, cell) > 0 || is_taken(cell);
      if (!is_known) (is_called_dose(cell) ? columns_.events : columns_.states).push_back(cell);
    }
  }

  bool is_constant_of_trajectories(const std::string& name) const {
    if (columns_.trajectory.empty()) return false;
    const std::vector<std::string> keys = table_.joined(columns_.trajectory, ",");
    std::map<std::string, double> first;
    const std::vector<double>& values = numbers_.at(name);
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (std::isnan(values[row])) continue;
      if (first.try_emplace(keys[row], values[row]).first->second != values[row]) return false;
    }
    return true;
  }

  /// One number alone, or one that numbers the rows.
  bool says_nothing(const std::string& name) const {
    std::vector<double> values = numbers_.at(name);
    std::erase_if(values, [](double value) { return std::isnan(value); });
    const bool is_constant = std::ranges::adjacent_find(values, std::not_equal_to<>()) == values.end();
    const bool is_counter =
        std::ranges::adjacent_find(values, [](double a, double b) { return b != a + 1; }) == values.end();
    return is_constant || (is_counter && !columns_.time.empty());
  }

  /// Doses: cells of which some are empty or 0, and not all; they may be the same number.
  bool comes_in_now_and_then(const std::string& name) const {
    const auto given = std::ranges::count_if(numbers_.at(name), [](double number) { return std::abs(number) > 0; });
    return is_called_dose(name) && given > 0 && given < std::ssize(numbers_.at(name));
  }

  /// ":rate=RATE" or ":duration=DUR" for a column called so that is positive beside doses alone, and else 0 or empty.
  std::string way_in(const std::string& dose) const {
    const auto fits = [](double amount, double by) { return !(std::abs(by) > 0) || (by > 0 && std::abs(amount) > 0); };
    const auto found = std::ranges::find_if(names_, [&](const std::string& name) {
      const bool is_called = lower(name) == "rate" || lower(name) == "dur" || lower(name) == "duration";
      return is_called && is_number(name) && !is_taken(name) &&
             std::ranges::equal(numbers_.at(dose), numbers_.at(name), fits);
    });
    return found == names_.end() ? "" : (lower(*found) == "rate" ? ":rate=" : ":duration=") + *found;
  }

  /// Numbers that an index has, as a rule.
  bool is_nameless(const std::string& name) const {
    const auto place = std::ranges::find(table_.names(), name) - table_.names().begin();
    return name == text::concat("column ", place + 1);
  }

  void take_states() {
    for (const std::string& name : names_)
      if (!is_taken(name) && is_number(name) && comes_in_now_and_then(name))
        columns_.events.push_back(name + way_in(name));
    for (const std::string& name : names_)
      if (!is_taken(name) && is_number(name) && !says_nothing(name) && !is_called_mark(name) && !is_nameless(name))
        (is_constant_of_trajectories(name) ? columns_.covariates : columns_.states).push_back(name);
  }

  const CsvTable& table_;
  CsvTable head_;
  SeriesColumns columns_;
  std::vector<std::string> names_;
  std::map<std::string, std::vector<double>> numbers_;
};

}  // namespace

bool is_called_quantity(const std::string& name) {
  const std::string known = lower(name);
  for (const char* part : {"quantity", "variable", "observable", "parameter", "analyte", "species", "metric", "measure",
                           "compound", "signal", "dvid", "feature"})
    if (known == part || (known.starts_with(part) && (known.ends_with("id") || known.ends_with("name")))) return true;
  return false;
}

SeriesColumns guess_columns(const CsvTable& table, SeriesColumns given) {
  return Guess(table, std::move(given)).made();
}

}  // namespace costate

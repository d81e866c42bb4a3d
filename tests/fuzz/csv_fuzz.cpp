// Tables: text, and the other forms that are told by their first bytes. Each column is read in every way there is.
#include <cmath>
#include <string>
#include <vector>

#include "costate/io/csv.h"
#include "costate/io/series.h"
#include "costate/io/table.h"
#include "tests/fuzz/fuzz.h"

namespace {

using costate::fuzz::reads;
using costate::fuzz::require;

bool same_numbers(const std::vector<double>& left, const std::vector<double>& right) {
  if (left.size() != right.size()) return false;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!(left[i] == right[i] || (std::isnan(left[i]) && std::isnan(right[i])))) return false;
  return true;
}

void read_columns(const costate::CsvTable& table) {
  for (const std::string& name : table.names()) {
    reads([&] { table.times(name); });
    reads([&] { table.measurements(name); });
    reads([&] { table.doubt(name); });
    std::vector<double> numbers;
    if (!reads([&] { numbers = table.numbers(name); })) continue;
    const costate::CsvTable again(costate::format_csv({{"x", numbers}}), "again.csv");
    require(same_numbers(again.numbers("x"), numbers), "numbers that are written are read as they were");
  }
}

void read_as_series(const costate::CsvTable& table) {
  const std::vector<std::string>& names = table.names();
  if (names.size() < 2) return;
  const std::vector<std::string> states(names.begin() + 1, names.end());
  reads([&] { costate::series_from_table(table, {.time = names[0], .states = states}); });
  reads([&] { costate::series_from_table(table, {.states = states, .trajectory = names[0], .step = 0.5}); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = costate::fuzz::text_of(data, size);
  if (bytes.starts_with("MATLAB")) return 0;  // libmatio's, which is not ours to harden
  for (const costate::TableLayout& layout : {costate::TableLayout{}, {.skip = 1, .missing = {"-999", "<"}}})
    reads([&] {
      const costate::CsvTable table = costate::parse_table(bytes, "data", layout);
      read_columns(table);
      read_as_series(table);
    });
  return 0;
}

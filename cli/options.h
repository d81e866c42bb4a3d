// Option values as typed on the command line, and their strict reading. All throw InvalidArgument that names the
// option, the value and what would be right.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace costate::cli {

/// The numbers that an option takes.
struct IntegerRange {
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
};

std::int64_t to_integer(const std::string& option, const std::string& text, const IntegerRange& range = {});

/// A finite number.
double to_number(const std::string& option, const std::string& text);

/// A share: "20%" or "0.2".
double to_share(const std::string& option, const std::string& text);

/// Comma-separated names, blanks around them dropped. None may be empty.
std::vector<std::string> to_names(const std::string& option, const std::string& text);

/// Comma-separated whole numbers.
std::vector<std::int64_t> to_integers(const std::string& option, const std::string& text,
                                      const IntegerRange& range = {});

}  // namespace costate::cli

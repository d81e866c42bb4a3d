// What options take, as typed on the command line. Strict, and the same with every version of CLI11, whose own reading
// takes 010 for 8, nan for a positive number and 64,,64 for two numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "costate/base/error.h"

namespace costate::cli {

/// The values that an option takes.
template <class T>
struct OptionType {
  std::string name;                                               ///< in the help: "INT"
  std::string expected;                                           ///< in messages: "a whole number of at least 1"
  std::function<std::optional<T>(const std::string& text)> read;  ///< nothing for what is not expected
  std::vector<std::string> choices = {};                          ///< texts that shells propose
};

/// The value of `option`; InvalidArgument, "--epochs takes a whole number of at least 1; got 'x'.", if there is none.
template <class T>
T read_option(const std::string& option, const OptionType<T>& type, const std::string& text) {
  std::optional<T> value = type.read(text);
  if (!value) throw InvalidArgument(option, " takes ", type.expected, "; got '", text, "'.");
  return *std::move(value);
}

/// The whole numbers that an option takes; its type must hold them.
struct IntegerRange {
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
};
std::string describe(const IntegerRange& range);
std::optional<std::int64_t> read_integer(const std::string& text, const IntegerRange& range);

template <class Integer>
OptionType<Integer> integer(const IntegerRange& range) {
  return {.name = "INT", .expected = describe(range), .read = [range](const std::string& text) {
            const std::optional<std::int64_t> value = read_integer(text, range);
            return value ? std::optional(static_cast<Integer>(*value)) : std::nullopt;
          }};
}

OptionType<int> thread_count();

/// A finite number, of at least `low`.
OptionType<double> number(double low = -std::numeric_limits<double>::infinity());

/// A share of at least 0 and below 1: "20%" or "0.2".
OptionType<double> share();

/// Any text but an empty one.
OptionType<std::string> some_text(const std::string& expected, std::vector<std::string> choices = {});

/// The parts of a list, blanks around them dropped; nothing if one is empty. A part that holds a comma is quoted, "a,
/// b".
std::optional<std::vector<std::string>> split_list(const std::string& text);

/// A list of what `item` takes, separated by commas.
template <class T>
OptionType<std::vector<T>> list_of(const OptionType<T>& item, const std::string& expected = "") {
  return {.name = item.name + ",...",
          .expected = expected,
          .read = [read = item.read](const std::string& text) -> std::optional<std::vector<T>> {
            std::vector<T> items;
            const auto parts = split_list(text);
            if (!parts) return std::nullopt;
            for (const std::string& part : *parts) {
              std::optional<T> value = read(part);
              if (!value) return std::nullopt;
              items.push_back(*std::move(value));
            }
            return items;
          }};
}

}  // namespace costate::cli

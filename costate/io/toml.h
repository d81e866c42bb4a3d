// Configuration as TOML: sections of keys with typed values, in the order in which they were set or written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "costate/base/option_value.h"

namespace costate {

/// What a key may hold. A list of integers is read as a list of doubles.
using ConfigValue = OptionValue;

/// The keys that a section may have, for check_keys.
struct ConfigSection {
  std::string name;  ///< "" for the keys above the first section
  std::vector<std::string> keys;
};

class Config {
 public:
  Config() = default;

  /// Adds or replaces a value. Keys above the first section have section "".
  void set(const std::string& section, const std::string& key, ConfigValue value);

  bool has(const std::string& section, const std::string& key) const;

  /// The value as T: std::string, std::int64_t, double (an integer will do), bool or one of the two lists (an empty
  /// list is either). DataError with file and line if the key is missing or holds another type.
  template <class T>
  T get(const std::string& section, const std::string& key) const;

  /// DataError, with line and the nearest known name, for a section or key that is not in `known`.
  void check_keys(const std::vector<ConfigSection>& known) const;

  /// "config.toml, line 3": where the value was read, for messages; the section and key if it was set by a program.
  std::string where(const std::string& section, const std::string& key) const;

  /// The config as TOML text; reading it back gives the same values, doubles bit for bit.
  std::string to_toml() const;

  /// The same sections, keys and values in the same order.
  friend bool operator==(const Config& left, const Config& right);

 private:
  friend Config parse_toml(std::string_view text, const std::string& source);

  struct Entry {
    std::string section;
    std::string key;
    ConfigValue value;
    std::size_t line = 0;  // 0 if set by a program
  };
  const Entry* find(const std::string& section, const std::string& key) const;
  void insert(Entry entry);

  std::string source_ = "config";
  std::vector<Entry> entries_;  // grouped by section, "" first
};

/// Reads TOML text; `source` is the file's name in messages. DataError with line and reason for text that is not TOML
/// and for what a Config cannot hold (nested tables, dates, mixed lists).
Config parse_toml(std::string_view text, const std::string& source);

/// Reads or writes a file; IoError if that fails. Writing is atomic (files.h).
Config read_config(const std::filesystem::path& path);
void write_config(const std::filesystem::path& path, const Config& config);

/// The format of config files that this version writes, under the key `format` above the first section. It grows when
/// an older Costate could no longer read what a newer one writes.
inline constexpr std::int64_t kConfigFormat = 1;

/// InvalidArgument if the config was written in another format, or does not say in which.
void check_config_format(const Config& config);

}  // namespace costate

// Config ↔ TOML text. toml++ reads; its tables are sorted by name, so the order comes back from the line numbers.
#include "costate/io/toml.h"

#include <toml++/toml.h>

#include <algorithm>

#include "costate/base/error.h"
#include "costate/io/files.h"
#include "costate/io/internal/numbers.h"

namespace costate {
namespace {

std::string quote(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    constexpr char kHex[] = "0123456789ABCDEF";
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else if (c == '\n')
      quoted += "\\n";
    else if (code < 0x20 || code == 0x7F)
      quoted += {'\\', 'u', '0', '0', kHex[code >> 4], kHex[code & 15]};
    else
      quoted += c;
  }
  return quoted + "\"";
}

std::string format_key(const std::string& key) {
  const bool is_bare = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || c == '_' || c == '-');
  });
  return is_bare ? key : quote(key);
}

/// With a point or exponent, so that it reads back as a double.
std::string format_value(double value) {
  std::string text = internal::format_double(value);
  const bool is_marked = text.find_first_of(".en") != std::string::npos;
  return is_marked ? text : text + ".0";
}
std::string format_value(std::int64_t value) { return text::concat(value); }
std::string format_value(bool value) { return value ? "true" : "false"; }
std::string format_value(const std::string& value) { return quote(value); }
template <class Item>
std::string format_value(const std::vector<Item>& list) {
  std::vector<std::string> items;
  for (const Item& item : list) items.push_back(format_value(item));
  return "[" + text::join(items) + "]";
}

const char* kind_of(const ConfigValue& value) {
  static constexpr const char* kNames[] = {
      "text", "a whole number", "a number", "a switch (true, false)", "a list of texts", "a list of numbers"};
  return kNames[value.index()];
}

std::size_t line_of(const toml::node& node) { return node.source().begin.line; }

template <class... Part>
[[noreturn]] void reject_toml(const std::string& source, std::size_t line, const Part&... part) {
  throw DataError("[read_config] ", source, ", line ", line, ": ", part...);
}

ConfigValue read_list(const toml::array& array, const std::string& key, const std::string& source) {
  std::vector<std::string> words;
  std::vector<double> numbers;
  for (const toml::node& item : array) {
    if (const auto* word = item.as_string())
      words.push_back(word->get());
    else if (item.is_number())
      numbers.push_back(*item.value<double>());
    else
      reject_toml(source, line_of(array), "'", key, "' must be a list of texts or of numbers.");
  }
  if (!words.empty() && !numbers.empty())
    reject_toml(source, line_of(array), "'", key, "' mixes texts and numbers in one list; use one kind.");
  if (words.empty()) return numbers;
  return words;
}

ConfigValue read_value(const toml::node& node, const std::string& key, const std::string& source) {
  if (const auto* word = node.as_string()) return word->get();
  if (const auto* whole = node.as_integer()) return whole->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* array = node.as_array()) return read_list(*array, key, source);
  reject_toml(source, line_of(node), "'", key, "' must be text, a number, true, false or a list; got a ",
              node.is_table() ? "table within a section." : "date or time (put it in quotes).");
}

toml::table parse_toml_table(std::string_view text, const std::string& source) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw DataError("[read_config] ", source, ", line ", error.source().begin.line,
                    ": this is not TOML: ", error.description());
  }
}

}  // namespace

const Config::Entry* Config::find(const std::string& section, const std::string& key) const {
  for (const Entry& entry : entries_)
    if (entry.section == section && entry.key == key) return &entry;
  return nullptr;
}

void Config::set(const std::string& section, const std::string& key, ConfigValue value) {
  insert({section, key, std::move(value), 0});
}

void Config::insert(Entry entry) {
  if (const Entry* found = find(entry.section, entry.key)) {
    entries_[static_cast<std::size_t>(found - entries_.data())] = std::move(entry);
    return;
  }
  // After the last key of the section; a new section goes to the end, "" to the front.
  const auto last = std::find_if(entries_.rbegin(), entries_.rend(),
                                 [&](const Entry& other) { return other.section == entry.section; });
  const bool is_new = last == entries_.rend();
  const auto place = !is_new ? last.base() : entry.section.empty() ? entries_.begin() : entries_.end();
  entries_.insert(place, std::move(entry));
}

bool Config::has(const std::string& section, const std::string& key) const { return find(section, key) != nullptr; }

std::string Config::where(const std::string& section, const std::string& key) const {
  const Entry* entry = find(section, key);
  if (entry != nullptr && entry->line > 0) return text::concat(source_, ", line ", entry->line);
  return section.empty() ? source_ : text::concat(source_, ", section [", section, "]");
}

template <class T>
T Config::get(const std::string& section, const std::string& key) const {
  const Entry* entry = find(section, key);
  if (entry == nullptr) throw DataError("[read_config] ", where(section, key), ": the key '", key, "' is missing.");
  if (const T* value = std::get_if<T>(&entry->value)) return *value;
  if constexpr (std::is_same_v<T, double>)
    if (const auto* whole = std::get_if<std::int64_t>(&entry->value)) return static_cast<double>(*whole);
  if constexpr (std::is_same_v<T, std::vector<std::string>>)
    if (const auto* list = std::get_if<std::vector<double>>(&entry->value); list != nullptr && list->empty()) return {};
  if constexpr (std::is_same_v<T, std::vector<double>>)
    if (const auto* list = std::get_if<std::vector<std::string>>(&entry->value); list && list->empty()) return {};
  throw DataError("[read_config] ", where(section, key), ": '", key, "' must be ", kind_of(ConfigValue(T{})), "; got ",
                  kind_of(entry->value), ".");
}

template std::string Config::get(const std::string&, const std::string&) const;
template std::int64_t Config::get(const std::string&, const std::string&) const;
template double Config::get(const std::string&, const std::string&) const;
template bool Config::get(const std::string&, const std::string&) const;
template std::vector<std::string> Config::get(const std::string&, const std::string&) const;
template std::vector<double> Config::get(const std::string&, const std::string&) const;

void Config::check_keys(const std::vector<ConfigSection>& known) const {
  std::vector<std::string> sections;
  for (const ConfigSection& section : known) sections.push_back(section.name);
  for (const Entry& entry : entries_) {
    const auto section =
        std::find_if(known.begin(), known.end(), [&](const ConfigSection& s) { return s.name == entry.section; });
    const std::string place = where(entry.section, entry.key);
    if (section == known.end())
      throw DataError("[read_config] ", place, ": ", text::unknown_name("section", entry.section, sections));
    if (std::find(section->keys.begin(), section->keys.end(), entry.key) == section->keys.end())
      throw DataError("[read_config] ", place, ": ", text::unknown_name("key", entry.key, section->keys));
  }
}

std::string Config::to_toml() const {
  std::string out;
  std::string section;
  for (const Entry& entry : entries_) {
    if (entry.section != section) out += (out.empty() ? "[" : "\n[") + format_key(entry.section) + "]\n";
    section = entry.section;
    out += format_key(entry.key) + " = " +
           std::visit([](const auto& value) { return format_value(value); }, entry.value) + "\n";
  }
  return out;
}

bool operator==(const Config& left, const Config& right) {
  return std::equal(left.entries_.begin(), left.entries_.end(), right.entries_.begin(), right.entries_.end(),
                    [](const Config::Entry& a, const Config::Entry& b) {
                      return a.section == b.section && a.key == b.key && a.value == b.value;
                    });
}

Config parse_toml(std::string_view text, const std::string& source) {
  std::vector<Config::Entry> entries;
  const auto add = [&](const std::string& section, const std::string& key, const toml::node& node) {
    entries.push_back({section, key, read_value(node, key, source), line_of(node)});
  };
  for (const auto& [name, node] : parse_toml_table(text, source)) {
    const std::string section(name.str());
    if (const toml::table* table = node.as_table())
      for (const auto& [key, value] : *table) add(section, std::string(key.str()), value);
    else
      add("", section, node);
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Config::Entry& left, const Config::Entry& right) { return left.line < right.line; });
  Config config;
  config.source_ = source;
  for (Config::Entry& entry : entries) config.insert(std::move(entry));
  return config;
}

Config read_config(const std::filesystem::path& path) { return parse_toml(read_file(path), path.string()); }

void write_config(const std::filesystem::path& path, const Config& config) { write_atomically(path, config.to_toml()); }

void check_config_format(const Config& config) {
  if (!config.has("", "format"))
    throw InvalidArgument("[read_config] ", config.where("", "format"),
                          ": the key 'format' is missing, so this is not a ",
                          "config that Costate wrote. This version writes format = ", kConfigFormat, ".");
  const auto format = config.get<std::int64_t>("", "format");
  if (format != kConfigFormat)
    throw InvalidArgument("[read_config] ", config.where("", "format"), ": the config has format ", format,
                          "; this version of Costate reads format ", kConfigFormat,
                          ". Use the version that wrote it, or run the fit again.");
}

}  // namespace costate

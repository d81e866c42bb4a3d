#include "cli/fit_flags.h"

#include <optional>
#include <utility>

#include "cli/options.h"
#include "costate/base/base.h"

namespace costate::cli {
namespace {

template <class T>
OptionType<ConfigValue> as_config_value(const OptionType<T>& type) {
  return {.name = type.name, .expected = type.expected, .read = [read = type.read](const std::string& text) {
            const std::optional<T> value = read(text);
            return value ? std::optional<ConfigValue>(*value) : std::nullopt;
          }};
}

/// Besides, 'none' for a list of none. The 0 of files, which leaves the widths to the fit, would be taken for none.
OptionType<ConfigValue> or_none(OptionType<ConfigValue> type) {
  type.read = [read = type.read](const std::string& text) -> std::optional<ConfigValue> {
    if (text == "none") return std::vector<double>();
    const std::optional<ConfigValue> value = read(text);
    return value == ConfigValue(std::vector<double>{0}) ? std::nullopt : value;
  };
  return type;
}

OptionType<ConfigValue> type_of(OptionKind kind) {
  switch (kind) {
    case OptionKind::kText:
    case OptionKind::kChoice:
      return {.name = "TEXT", .expected = "", .read = [](const std::string& text) { return ConfigValue(text); }};
    case OptionKind::kNames:
      return as_config_value(list_of(some_text("")));
    case OptionKind::kInteger:
      return as_config_value(integer<std::int64_t>({}));
    case OptionKind::kIntegers:
      return or_none(as_config_value(list_of(integer<double>({}))));
    case OptionKind::kNumber:
      return as_config_value(number());
    case OptionKind::kNumbers:
      return as_config_value(list_of(number()));
    case OptionKind::kShare:
      return as_config_value(share());
  }
  throw InternalError("[fit] no such kind of option.");
}

/// What the option's row allows.
OptionType<ConfigValue> type_of(const FitConfigOption& option) {
  OptionType<ConfigValue> type = type_of(option.kind);
  if (option.kind != OptionKind::kShare) type.expected = option.rule();
  if (option.kind == OptionKind::kIntegers) type.expected += ", or none for a linear ODE";
  type.read = [&option, read = type.read](const std::string& text) -> std::optional<ConfigValue> {
    const std::optional<ConfigValue> value = read(text);
    if (!value || option.allows(*value)) return value;
    if (const std::string rule = option.rule_of(*value); rule != option.rule())
      throw InvalidArgument(option.flag, " takes ", rule, "; got '", text, "'.");
    return std::nullopt;
  };
  return type;
}

std::string help_of(const FitConfigOption& option) {
  const std::string value = option.default_text();
  return value.empty() ? option.help : text::concat(option.help, " (", value, ")");
}

std::vector<const FitConfigOption*> rows_of(const std::string& flag) {
  std::vector<const FitConfigOption*> rows;
  for (const FitConfigOption& option : fit_config_options())
    if (flag == option.flag || (!flag.empty() && flag == option.short_flag)) rows.push_back(&option);
  return rows;
}

/// Sets the first of the rows that can be read from the text.
void read_rows(const std::vector<const FitConfigOption*>& rows, const std::string& text, FitConfig& config) {
  for (const FitConfigOption* row : rows) {
    const OptionType<ConfigValue> type = type_of(*row);
    if (row != rows.back() && !type.read(text)) continue;
    row->access.set(config, read_option(row->flag, type, text));
    return;
  }
}

}  // namespace

void set_fit_option(FitConfig& config, const std::string& flag, const std::string& text) {
  read_rows(rows_of(flag), text, config);
}

void add_fit_flags(Command& command, FitConfig& config, std::vector<std::string>& given,
                   const std::function<bool(const FitConfigOption&)>& wants) {
  for (const FitConfigOption& option : fit_config_options()) {
    if (option.doors == OptionDoors::kFile || !wants(option)) continue;
    const std::vector<const FitConfigOption*> rows = rows_of(option.flag);
    if (rows.front() != &option) continue;
    const auto read = [&config, &given, rows](const std::string& text) {
      read_rows(rows, text, config);
      given.push_back(rows.front()->flag + " " + text);
    };
    const Repeated repeated = option.kind == OptionKind::kNames ? Repeated::kJoined : Repeated::kRefused;
    command.add_text_option(option.flag, type_of(*rows.back()).name, read, help_of(option), option.group, repeated, {},
                            option.short_flag);
  }
}

}  // namespace costate::cli

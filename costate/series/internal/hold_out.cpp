#include "costate/series/internal/hold_out.h"

#include <algorithm>
#include <optional>

#include "costate/base/error.h"
#include "costate/series/time_text.h"

namespace costate {
namespace {

constexpr std::size_t kMostNamed = 20;  // trajectories in a message

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',')
      parts.emplace_back();
    else if (c != ' ' || !parts.back().empty())
      parts.back() += c;
  }
  return parts;
}

bool holds(const std::vector<std::string>& list, const std::string& item) {
  return std::ranges::find(list, item) != list.end();
}

/// The trajectories whose id, or part of it if the key has several columns, is one of `names`. Nothing if one of these
/// is no trajectory's.
std::optional<std::vector<std::size_t>> find_trajectories(const TimeSeries& series,
                                                          const std::vector<std::string>& names,
                                                          std::optional<std::size_t> part) {
  std::vector<std::size_t> found;
  std::vector<std::string> seen;
  for (std::size_t i = 0; i < series.trajectories.size(); ++i) {
    const std::string& id = series.trajectories[i].id;
    const std::vector<std::string> parts = parts_of(id);
    const std::string& key = part && *part < parts.size() ? parts[*part] : id;
    if (!holds(names, key)) continue;
    found.push_back(i);
    seen.push_back(key);
  }
  const bool is_all = std::ranges::all_of(names, [&](const std::string& name) { return holds(seen, name); });
  return is_all ? std::optional(found) : std::nullopt;
}

std::optional<std::vector<std::size_t>> find_ids(const TimeSeries& series, const std::string& text) {
  const auto whole = find_trajectories(series, {text}, {});
  return whole ? whole : find_trajectories(series, parts_of(text), {});
}

[[noreturn]] void refuse(const TimeSeries& series, const std::string& part) {
  std::vector<std::string> known;
  for (const Trajectory& trajectory : series.trajectories)
    if (!trajectory.id.empty() && known.size() < kMostNamed) known.push_back(trajectory.id);
  const bool is_cut = known.size() < series.trajectories.size();
  const std::string ids = known.empty() ? "" : text::concat(" (", text::join(known), is_cut ? ", …)" : ")");
  throw InvalidArgument("[fit] --hold-out takes a share below 100%, such as 20% or 0.2, names of trajectories", ids,
                        ", or the time from which on all is held out; got '", part, "'.");
}

Split named(const TimeSeries& series, const std::string& part, const std::string& name, const std::string& rest) {
  const std::vector<std::string> keys = parts_of(series.trajectory_name);
  const auto place = std::ranges::find(keys, name);
  if (!name.empty() && (name == series.trajectory_name || place != keys.end())) {
    const std::optional<std::size_t> column = keys.size() > 1 && place != keys.end()
                                                  ? std::optional(static_cast<std::size_t>(place - keys.begin()))
                                                  : std::nullopt;
    const auto found = column ? find_trajectories(series, parts_of(rest), column) : find_ids(series, rest);
    if (!found) refuse(series, part);
    return hold_out_trajectories(series, *found);
  }
  if (name == series.time_name || name == "t" || holds(parts_of(series.time_name), name))
    if (const std::optional<double> time = time_of_text(rest, series.time_scale)) return hold_out_from(series, *time);
  refuse(series, part);
}

/// "20%" or "0.2", which the command line takes for a share before it comes here.
std::optional<double> share_of_text(const std::string& text) {
  const bool is_percentage = text.ends_with('%');
  const std::string number = is_percentage ? text.substr(0, text.size() - 1) : text;
  const double share = time_of_text(number, {}).value_or(-1) / (is_percentage ? 100 : 1);
  return share >= 0 && share < 1 ? std::optional(share) : std::nullopt;
}

/// 20 may be meant for 20 % or for a time; what is no per cent for a time alone.
[[noreturn]] void refuse_number(const std::string& part, double number) {
  constexpr double kWhole = 100;
  if (number < 0 || number >= kWhole)
    throw InvalidArgument("[fit] --hold-out ", part, " is no share: for a time write t=", part, ".");
  throw InvalidArgument("[fit] --hold-out ", part, " may be a share or a time: write ", part, "% or t=", part, ".");
}

}  // namespace

Split hold_out_part(const TimeSeries& series, const std::string& part) {
  if (const std::size_t at = part.find('='); at != std::string::npos)
    return named(series, part, part.substr(0, at), part.substr(at + 1));
  if (const auto found = find_ids(series, part)) return hold_out_trajectories(series, *found);
  if (const std::optional<double> share = share_of_text(part)) return split_series(series, *share);
  const bool has_dates = !series.time_scale.unit.empty();
  if (const std::optional<double> time = time_of_text(part, series.time_scale); time && has_dates)
    return hold_out_from(series, *time);
  if (const std::optional<double> number = time_of_text(part, {}); number && !has_dates) refuse_number(part, *number);
  refuse(series, part);
}

}  // namespace costate

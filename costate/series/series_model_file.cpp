// A model as a file: its weights and units as arrays, its options and names as metadata.
#include <cmath>

#include "costate/base/error.h"
#include "costate/series/fit_config.h"
#include "costate/series/series_model.h"
#include "costate/train/checkpoint.h"

namespace costate {
namespace {

constexpr const char* kFormat = "costate-series-model-2";
constexpr const char* kEarlierFormat = "costate-series-model-1";  // of 0.1.0: a net alone, the whole config beside it

std::string metadata_of(const ArrayFile& file, const std::string& key, const std::string& source) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    throw DataError("[SeriesModel] '", source, "' is not a model that a fit wrote: it has no '", key, "'.");
  return found->second;
}

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::string line;
  for (const char c : text) {
    if (c != '\n') {
      line += c;
      continue;
    }
    lines.push_back(line);
    line.clear();
  }
  return lines;
}

template <class List>
std::string join_lines(const List& list) {
  std::string text;
  for (const auto& line : list) text += line + "\n";
  return text;
}

constexpr std::size_t kEventNumbers = 5;

/// Place of the trajectory, column, time, amount and duration of each.
std::vector<double> events_of(const std::vector<LastState>& last_states) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < last_states.size(); ++i)
    for (const Event& event : last_states[i].events)
      numbers.insert(numbers.end(), {static_cast<double>(i), static_cast<double>(event.column), event.time,
                                     event.amount, event.duration});
  return numbers;
}

void add_last_states(const std::vector<LastState>& last_states, ArrayFile& file) {
  std::vector<double> times, states, covariates, seen, inputs;
  std::vector<std::string> ids;
  for (const LastState& last : last_states) {
    ids.push_back(last.trajectory);
    times.push_back(last.time);
    states.insert(states.end(), last.state.begin(), last.state.end());
    covariates.insert(covariates.end(), last.covariates.begin(), last.covariates.end());
    seen.insert(seen.end(), last.seen.begin(), last.seen.end());
    inputs.insert(inputs.end(), last.inputs.begin(), last.inputs.end());
  }
  file.arrays.emplace("last.times", HostArray::vector(std::move(times)));
  file.arrays.emplace("last.states", HostArray::vector(std::move(states)));
  file.arrays.emplace("last.covariates", HostArray::vector(std::move(covariates)));
  file.arrays.emplace("last.seen", HostArray::vector(std::move(seen)));
  file.arrays.emplace("last.inputs", HostArray::vector(std::move(inputs)));
  file.arrays.emplace("last.events", HostArray::vector(events_of(last_states)));
  file.metadata["trajectories"] = join_lines(ids);
}

/// Numbers that a model needs so many of.
std::vector<double> numbers_of(const ArrayFile& file, const std::string& key, std::size_t count,
                               const std::string& source) {
  std::vector<double> numbers = file.array(key).numbers();
  if (numbers.size() != count)
    throw DataError("[SeriesModel] '", source, "' is damaged: its '", key, "' holds ", numbers.size(), " numbers, not ",
                    count, ".");
  return numbers;
}

/// Numbers that not every model knows: so many, or none.
std::vector<double> known_numbers(const ArrayFile& file, const std::string& key, std::size_t count,
                                  const std::string& source) {
  if (!file.arrays.contains(key) || file.array(key).size() == 0) return {};
  return numbers_of(file, key, count, source);
}

double positive(const ArrayFile& file, const std::string& key, const std::string& source) {
  const double number = numbers_of(file, key, 1, source)[0];
  if (!(number > 0) || !std::isfinite(number))
    throw DataError("[SeriesModel] '", source, "' is damaged: its '", key, "' is ", number, "; it must be positive.");
  return number;
}

void add_events(const std::vector<double>& numbers, const std::string& source, std::size_t columns,
                std::vector<LastState>& last) {
  bool is_sound = numbers.size() % kEventNumbers == 0;
  for (std::size_t at = 0; is_sound && at < numbers.size(); at += kEventNumbers) {
    const double place = numbers[at], column = numbers[at + 1];
    is_sound =
        place >= 0 && place < static_cast<double>(last.size()) && column >= 0 && column < static_cast<double>(columns);
    if (is_sound)
      last[static_cast<std::size_t>(place)].events.push_back(
          {numbers[at + 2], static_cast<std::size_t>(column), numbers[at + 3], numbers[at + 4]});
  }
  if (!is_sound)
    throw DataError("[SeriesModel] '", source, "' is damaged: its 'last.events' are none of its trajectories' events.");
}

std::vector<LastState> last_states_of(const ArrayFile& file, const SeriesModel& model, const std::string& source) {
  const std::vector<std::string> ids = split_lines(metadata_of(file, "trajectories", source));
  const std::size_t d = model.num_states(), c = model.covariate_names().size(), m = model.input_names().size();
  const std::vector<double> times = numbers_of(file, "last.times", ids.size(), source),
                            states = numbers_of(file, "last.states", ids.size() * d, source),
                            covariates = c == 0 ? std::vector<double>{}
                                                : numbers_of(file, "last.covariates", ids.size() * c, source),
                            seen = known_numbers(file, "last.seen", ids.size() * model.num_measured(), source),
                            inputs = known_numbers(file, "last.inputs", ids.size() * m, source);
  const auto part = [](const std::vector<double>& all, std::size_t i, std::size_t size) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(i * size);
    return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(size));
  };
  std::vector<LastState> last;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    last.push_back({ids[i], times[i], part(states, i, d), part(covariates, i, c)});
    if (!seen.empty()) last.back().seen = part(seen, i, model.num_measured());
    if (!inputs.empty()) last.back().inputs = part(inputs, i, m);
  }
  if (model.has_events()) add_events(file.array("last.events").numbers(), source, model.event_names().size(), last);
  return last;
}

}  // namespace

ArrayFile SeriesModel::to_file() const {
  ArrayFile file;
  for (const auto& [name, value] : values_by_name(parameters())) file.arrays.emplace(name, value);
  file.metadata = {
      {"format", linear_ ? kFormat : kEarlierFormat},
      {"config", linear_ ? to_config(options_).to_toml() : FitConfig{.model = options_}.to_config().to_toml()},
      {"states", join_lines(state_names_)},
      {"time_unit", time_scale_.unit},
      {"time_origin", time_scale_.origin},
      {"time_format", time_scale_.format}};
  const auto add = [&](const std::string& name, const std::vector<double>& numbers) {
    file.arrays.emplace(name, HostArray::vector(numbers));
  };
  add("normalization.state_offset", normalization_.state_offset);
  add("normalization.state_scale", normalization_.state_scale);
  add("normalization.input_offset", normalization_.input_offset);
  add("normalization.input_scale", normalization_.input_scale);
  add("normalization.covariate_offset", normalization_.covariate_offset);
  add("normalization.covariate_scale", normalization_.covariate_scale);
  add("normalization.event_scale", normalization_.event_scale);
  add("normalization.time_scale", {normalization_.time_scale});
  add("spacing", {spacing_});
  add("longest_interval", {longest_interval_});
  add("period", {period_});
  add("range.state_low", range_.state_low);
  add("range.state_high", range_.state_high);
  add("range.input_low", range_.input_low);
  add("range.input_high", range_.input_high);
  add("range.times", range_.times);
  add_last_states(last_states_, file);
  return file;
}

SeriesModel SeriesModel::from_file(const ArrayFile& file, const std::string& source) {
  const std::string format = metadata_of(file, "format", source);
  if (format != kFormat && format != kEarlierFormat)
    throw DataError("[SeriesModel] '", source, "' has format '", format, "'; this Costate reads '", kFormat, "' and '",
                    kEarlierFormat, "'.");
  const bool is_earlier = format == kEarlierFormat;
  const Config config = parse_toml(metadata_of(file, "config", source), source);
  SeriesModelOptions options = is_earlier ? fit_config_from(config).model : model_options_from(config);
  if (is_earlier) options.memory = {0};
  SeriesModel model(std::move(options), split_lines(metadata_of(file, "states", source)), 0,
                    is_earlier ? Parts::kNetAlone : Parts::kAll);
  set_values_by_name(model.parameters(), file.arrays, source);
  model.time_scale_ = {metadata_of(file, "time_unit", source), metadata_of(file, "time_origin", source)};
  // Models of earlier versions do not know it.
  if (file.metadata.contains("time_format")) model.time_scale_.format = metadata_of(file, "time_format", source);
  const std::size_t d = model.num_measured(), m = model.input_names().size(), c = model.covariate_names().size();
  Normalization& units = model.normalization_;
  units.state_offset = numbers_of(file, "normalization.state_offset", d, source);
  units.state_scale = numbers_of(file, "normalization.state_scale", d, source);
  units.input_offset = numbers_of(file, "normalization.input_offset", m, source);
  units.input_scale = numbers_of(file, "normalization.input_scale", m, source);
  if (c > 0) {
    units.covariate_offset = numbers_of(file, "normalization.covariate_offset", c, source);
    units.covariate_scale = numbers_of(file, "normalization.covariate_scale", c, source);
  }
  if (model.has_events())
    units.event_scale = numbers_of(file, "normalization.event_scale", model.event_names().size(), source);
  units.time_scale = positive(file, "normalization.time_scale", source);
  model.spacing_ = positive(file, "spacing", source);
  const bool knows_longest = file.arrays.contains("longest_interval");
  model.longest_interval_ = knows_longest ? positive(file, "longest_interval", source) : model.spacing_;
  const std::vector<double> period = known_numbers(file, "period", 1, source);
  if (!period.empty()) model.period_ = period[0];
  model.range_ = {known_numbers(file, "range.state_low", d, source), known_numbers(file, "range.state_high", d, source),
                  known_numbers(file, "range.input_low", m, source), known_numbers(file, "range.input_high", m, source),
                  known_numbers(file, "range.times", 2, source)};
  model.last_states_ = last_states_of(file, model, source);
  return model;
}

}  // namespace costate

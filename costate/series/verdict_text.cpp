#include "costate/series/internal/verdict_text.h"

#include <algorithm>
#include <cctype>
#include <limits>
#include <numeric>
#include <utility>

#include "costate/base/text.h"
#include "costate/series/period.h"

namespace costate {
namespace {

constexpr double kClearly = 0.9;  // of the best rival's error: better beyond doubt
constexpr std::size_t kFewValues = 10;

double error_of(const Verdict& verdict, std::size_t forecaster, std::size_t horizon) {
  return *verdict.errors[forecaster][horizon].relative;
}

std::string quoted(const std::string& name) { return text::concat("'", name, "'"); }

std::string reach_text(const Verdict& verdict, std::size_t horizon) {
  const std::string text = horizon_text(verdict, horizon);
  return verdict.horizons[horizon].is_whole ? text.substr(std::string("all ").size()) : text;
}

/// "'mean' has an error of 0.2 deviations against 0.5 at 10 samples (5 h)"
std::string evidence(const Verdict& verdict, std::size_t horizon) {
  if (verdict.errors[0][horizon].missing > 0)
    return text::concat("the model blows up within ", reach_text(verdict, horizon));
  const std::size_t rival = *verdict.best_rival[horizon];
  return text::concat(quoted(verdict.forecasters[rival]), " has an error of ",
                      text::number(error_of(verdict, rival, horizon), 3), " deviations against ",
                      text::number(error_of(verdict, 0, horizon), 3),
                      verdict.horizons[horizon].is_whole ? " over " : " at ", horizon_text(verdict, horizon));
}

/// The horizons at which something was measured: all that can be judged.
std::vector<std::size_t> judged_horizons(const Verdict& verdict) {
  std::vector<std::size_t> judged;
  for (std::size_t h = 0; h < verdict.horizons.size(); ++h)
    if (verdict.best_rival[h]) judged.push_back(h);
  return judged;
}

std::vector<std::string> names_of(const Verdict& verdict, const std::vector<std::size_t>& horizons) {
  std::vector<std::string> names;
  for (const std::size_t h : horizons) {
    const std::string name = quoted(verdict.forecasters[*verdict.best_rival[h]]);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

std::string horizons_text(const Verdict& verdict, const std::vector<std::size_t>& horizons) {
  std::vector<std::string> texts;
  for (const std::size_t h : horizons) texts.push_back(horizon_text(verdict, h));
  return text::join(texts, " and ");
}

/// Where the model is better beyond doubt than all rivals.
std::vector<std::size_t> clearly_better(const Verdict& verdict, const std::vector<std::size_t>& judged) {
  std::vector<std::size_t> clear;
  for (const std::size_t h : judged)
    if (!verdict.model_is_worse(h) && error_of(verdict, 0, h) < kClearly * error_of(verdict, *verdict.best_rival[h], h))
      clear.push_back(h);
  return clear;
}

/// Where no rival is better.
std::string praise(const Verdict& verdict, const std::vector<std::size_t>& judged) {
  const std::vector<std::size_t> clear = clearly_better(verdict, judged);
  const std::string name = verdict.forecasters[0], reach = reach_text(verdict, judged.back());
  if (clear.size() == judged.size())
    return text::concat("use the ", name, ": it is better than every rival, as far as ", reach, " ahead.");
  if (clear.empty())
    return text::concat("the ", name, " is about as good as ", text::join(names_of(verdict, judged), " and "),
                        ", as far as ", reach, " ahead, and no better; use what is simpler.");
  return text::concat("use the ", name, ": as far as ", reach,
                      " ahead it is never much worse than the best rival, and better at ",
                      horizons_text(verdict, clear), ".");
}

/// Whether to use the model, and how far ahead: in a range from the first horizon on, or up to the last one, in which
/// it is worse nowhere and clearly better somewhere.
std::string main_sentence(const Verdict& verdict, const std::vector<std::size_t>& judged) {
  std::vector<std::size_t> worse, fine;
  for (const std::size_t h : judged) (verdict.model_is_worse(h) ? worse : fine).push_back(h);
  if (worse.empty()) return praise(verdict, judged);
  const std::string name = verdict.forecasters[0], rivals = text::join(names_of(verdict, worse), " or ");
  const std::string better =
      text::concat(rivals, " is better", worse.size() > 1 && fine.empty() ? " at every horizon" : "", " (",
                   evidence(verdict, worse.back()), ").");
  if (fine.empty()) return text::concat("do not use the ", name, ": ", better);
  const std::vector<std::size_t> clear = clearly_better(verdict, judged);
  if (!clear.empty() && clear.front() < worse.front()) {
    const auto last = std::find_if(fine.rbegin(), fine.rend(), [&](std::size_t h) { return h < worse.front(); });
    return text::concat("use the ", name, " up to ", reach_text(verdict, *last), " ahead; beyond that ", better);
  }
  if (!clear.empty() && worse.back() < clear.back()) {
    const auto first = std::ranges::find_if(fine, [&](std::size_t h) { return h > worse.back(); });
    return text::concat("use the ", name, " from ", reach_text(verdict, *first), " ahead on; before that ", better);
  }
  return text::concat("do not use the ", name, ": at ", horizons_text(verdict, worse), " ", better,
                      clear.empty() ? " Nowhere is it clearly better." : "");
}

std::string missing_sentence(const Verdict& verdict) {
  std::size_t worst = 0, most = 0;
  for (std::size_t h = 0; h < verdict.horizons.size(); ++h)
    if (verdict.errors[0][h].missing > most) {
      most = verdict.errors[0][h].missing;
      worst = h;
    }
  if (most == 0) return {};
  return text::concat("Its forecasts blow up: ", most, " values are missing at ", horizon_text(verdict, worst),
                      "; the errors are those of the others.");
}

std::string advice_sentence(const Verdict& verdict, const std::vector<std::size_t>& judged,
                            const std::vector<std::vector<Advice>>& advice) {
  if (verdict.inputs.ahead != InputsAhead::kKnown) return {};  // no model can mend what was assumed
  std::vector<Advice> found;
  bool is_worse = false;
  for (const std::size_t h : judged) {
    if (!verdict.model_is_worse(h)) continue;
    is_worse = true;
    for (const Advice& line : advice[*verdict.best_rival[h]])
      if (std::ranges::find(found, line) == found.end()) found.push_back(line);
  }
  if (!is_worse) return {};
  if (found.empty())
    found = {{Remedy::kData, "more data, or further --input columns",
              "the states that are measured may not tell what follows"}};
  std::vector<std::string> lines;
  for (const Advice& line : found) lines.push_back(text::concat(line.option, " (", line.reason, ")"));
  return text::concat("What may help: ", text::join(lines, "; or "), ".");
}

/// The sentence, after what it rests on.
std::string with_inputs(const Verdict& verdict, std::string sentence) {
  const std::string inputs = inputs_text(verdict);
  if (!inputs.empty()) return text::concat(inputs, ": ", sentence);
  sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
  return sentence;
}

}  // namespace

namespace internal {

std::vector<std::string> verdict_sentences(const Verdict& verdict, const std::vector<std::vector<Advice>>& advice) {
  if (!verdict.has_model) return {};
  const std::vector<std::size_t> judged = judged_horizons(verdict);
  if (judged.empty()) return {"Nothing that was held out could be compared; there is no verdict."};
  const std::vector<std::size_t>& cells = verdict.horizons.back().cells;
  const std::size_t all = std::accumulate(cells.begin(), cells.end(), std::size_t{0});
  std::vector<std::string> sentences;
  if (all < kFewValues)  // before what follows, which nobody may take at its word
    sentences.push_back(
        text::concat("Only ", all, all == 1 ? " value was" : " values were", " held out: the verdict may be chance."));
  for (std::string& sentence : std::vector{with_inputs(verdict, main_sentence(verdict, judged)),
                                           missing_sentence(verdict), advice_sentence(verdict, judged, advice)})
    sentences.push_back(std::move(sentence));
  for (std::size_t k = 0; k < cells.size(); ++k)
    if (cells[k] == 0)
      sentences.push_back(text::concat(quoted(verdict.state_names[k]),
                                       " was not measured in what was held out: nothing is said of it."));
  std::erase(sentences, "");
  return sentences;
}

}  // namespace internal

std::string horizon_text(const Verdict& verdict, std::size_t horizon) {
  const Horizon& at = verdict.horizons[horizon];
  const std::string samples =
      text::concat(at.is_whole ? "all " : "", at.samples, at.samples == 1 ? " sample" : " samples");
  if (at.origins == 0) return samples;
  const std::string duration = duration_text(at.duration, verdict.time_scale);
  if (!verdict.time_scale.unit.empty()) return text::concat(samples, " (", duration, ")");
  return text::concat(samples, " (", verdict.time_name, " + ", duration, ")");
}

std::string inputs_text(const Verdict& verdict) {
  if (!verdict.has_inputs) return {};
  const InputAssumption& inputs = verdict.inputs;
  if (inputs.ahead == InputsAhead::kKnown) return "With the inputs known";
  if (inputs.ahead == InputsAhead::kHold || inputs.period == 0) return "With the inputs held at their last value";
  return text::concat("With the inputs of ", duration_text(inputs.period, verdict.time_scale), " before");
}

std::string format_table(const Verdict& verdict) {
  std::vector<std::vector<std::string>> rows = {{""}};
  for (std::size_t h = 0; h < verdict.horizons.size(); ++h) rows[0].push_back(horizon_text(verdict, h));
  for (std::size_t f = 0; f < verdict.forecasters.size(); ++f) {
    std::vector<std::string>& row = rows.emplace_back(1, verdict.forecasters[f]);
    for (const HorizonError& error : verdict.errors[f])
      row.push_back(error.relative ? text::number(*error.relative, 3) : "-");
  }
  std::string table;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      std::size_t width = 0;
      for (const std::vector<std::string>& other : rows) width = std::max(width, other[column].size());
      const std::string gap(width - row[column].size(), ' ');
      line += column == 0 ? row[column] + gap : "  " + gap + row[column];
    }
    table += line + "\n";
  }
  return table;
}

JsonObject to_json(const Verdict& verdict) {
  constexpr double kNull = std::numeric_limits<double>::quiet_NaN();
  JsonObject horizons;
  for (std::size_t h = 0; h < verdict.horizons.size(); ++h) {
    const Horizon& at = verdict.horizons[h];
    JsonObject errors, cells;
    for (std::size_t k = 0; k < at.cells.size(); ++k)
      cells.push_back({verdict.state_names[k], static_cast<std::int64_t>(at.cells[k])});
    for (std::size_t f = 0; f < verdict.forecasters.size(); ++f) {
      const HorizonError& error = verdict.errors[f][h];
      JsonObject rmse;
      for (std::size_t k = 0; k < error.rmse.size(); ++k)
        rmse.push_back({verdict.state_names[k], error.rmse[k].value_or(kNull)});
      errors.push_back({verdict.forecasters[f], JsonObject{{"rmse", rmse},
                                                           {"relative", error.relative.value_or(kNull)},
                                                           {"missing", static_cast<std::int64_t>(error.missing)}}});
    }
    const std::string best = verdict.best_rival[h] ? verdict.forecasters[*verdict.best_rival[h]] : "";
    horizons.push_back({at.is_whole ? "whole" : std::to_string(at.samples),
                        JsonObject{{"samples", static_cast<std::int64_t>(at.samples)},
                                   {"duration", at.duration},
                                   {"origins", static_cast<std::int64_t>(at.origins)},
                                   {"cells", cells},
                                   {"errors", errors},
                                   {"best_rival", best},
                                   {"model_is_worse", verdict.model_is_worse(h)}}});
  }
  const char* const names[] = {"known", "held", "repeated"};
  return {{"inputs", std::string(names[static_cast<int>(verdict.inputs.ahead)])},
          {"horizons", horizons},
          {"sentences", verdict.sentences}};
}

}  // namespace costate

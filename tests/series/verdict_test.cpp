// Verdicts on models of which one knows how good they are.
#include "costate/series/verdict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "costate/base/text.h"
#include "tests/series/series.h"

namespace costate {
namespace {

/// The truth plus an error that is given by samples ahead.
class Erring : public Forecaster {
 public:
  Erring(std::string name, std::function<double(std::size_t)> error, std::vector<Advice> advice = {})
      : name_(std::move(name)), error_(std::move(error)), advice_(std::move(advice)) {}
  std::string name() const override { return name_; }
  std::vector<Advice> advice() const override { return advice_; }
  std::vector<HostArray> forecast(std::span<const ForecastTask> tasks) const override {
    std::vector<HostArray> answers;
    for (const ForecastTask& task : tasks) {
      const std::int64_t width = task.trajectory->states.shape()[1];
      HostArray& answer = answers.emplace_back(Shape{static_cast<std::int64_t>(task.ahead), width});
      for (std::int64_t i = 0; i < answer.size(); ++i)
        answer.set(i, truth(task, i, width) + error_(static_cast<std::size_t>(i / width) + 1));
    }
    return answers;
  }

 private:
  static double truth(const ForecastTask& task, std::int64_t i, std::int64_t width) {
    const double seen = task.trajectory->states.at(static_cast<std::int64_t>(task.origin + 1) * width + i);
    return std::isnan(seen) ? 0 : seen;
  }

  std::string name_;
  std::function<double(std::size_t)> error_;
  std::vector<Advice> advice_;
};

auto constant(double error) {
  return [error](std::size_t) { return error; };
}

/// Two states over 200 samples, of deviation 2 and 1 in training; the last 150 are held out.
TimeSeries two_states() {
  std::vector<double> times, states;
  for (std::size_t i = 0; i < 200; ++i) {
    times.push_back(0.5 * static_cast<double>(i));
    states.insert(states.end(), {i % 2 == 0 ? 2.0 : -2.0, i % 2 == 0 ? 1.0 : -1.0});
  }
  return series_of({trajectory(times, states)});
}

const Window kHeld{0, 50, 150};
const Normalization kUnits{.state_offset = {0, 0}, .state_scale = {2, 1}, .input_offset = {}, .input_scale = {}};

Verdict verdict_on(const TimeSeries& series, const Forecaster& model, std::vector<const Forecaster*> rivals,
                   const JudgeOptions& options = {}) {
  return judge(series, std::span(&kHeld, 1), kUnits, &model, rivals, options);
}

std::string all_text(const Verdict& verdict) { return text::join(verdict.sentences, " "); }

TEST(Verdict, HasErrorsByHorizonInUnitsAndInDeviations) {
  const Erring model("model", constant(0.2)),
      rival("rival", [](std::size_t ahead) { return 0.1 * static_cast<double>(ahead); });
  const Verdict verdict = verdict_on(two_states(), model, {&rival}, {.period = 12});
  ASSERT_EQ(verdict.horizons.size(), 4U);
  EXPECT_EQ(verdict.horizons[0].samples, 1U);
  EXPECT_EQ(verdict.horizons[1].samples, 10U);
  EXPECT_EQ(verdict.horizons[2].samples, 24U);  // the period
  EXPECT_EQ(verdict.horizons[2].duration, 12);
  EXPECT_EQ(verdict.horizons[2].origins, 127U);
  EXPECT_TRUE(verdict.horizons[3].is_whole);
  EXPECT_EQ(verdict.horizons[3].samples, 150U);
  EXPECT_EQ(verdict.horizons[3].cells, (std::vector<std::size_t>{150, 150}));
  EXPECT_NEAR(*verdict.errors[0][3].rmse[0], 0.2, 1e-12);
  EXPECT_NEAR(*verdict.errors[0][3].rmse[1], 0.2, 1e-12);
  EXPECT_NEAR(*verdict.errors[0][3].relative, std::sqrt((0.01 + 0.04) / 2), 1e-12);
  EXPECT_NEAR(*verdict.errors[1][1].rmse[0], 1.0, 1e-12);  // the tenth sample alone
}

TEST(Verdict, SpreadsAtMostTheOriginsAskedFor) {
  const Erring model("model", constant(0));
  const Verdict verdict = verdict_on(two_states(), model, {&model}, {.most_origins = 7});
  EXPECT_EQ(verdict.horizons[0].origins, 7U);
}

TEST(Verdict, SaysToUseAModelThatIsBetterEverywhere) {
  const Erring model("neural ODE", constant(0.1)), rival("last value", constant(0.3));
  const Verdict verdict = verdict_on(two_states(), model, {&rival});
  EXPECT_EQ(all_text(verdict),
            "Use the neural ODE: it is better than every rival, as far as 150 samples (t + 75) ahead.");
}

TEST(Verdict, SaysThatAWorseModelIsWorseAndWhatToTry) {
  const Erring model("neural ODE", constant(0.24)),
      rival("one period ago (24)", constant(0.2), {{Remedy::kClock, "--clock 24", "it repeats itself"}});
  const Verdict verdict = verdict_on(two_states(), model, {&rival});
  for (std::size_t h = 0; h < verdict.horizons.size(); ++h) EXPECT_TRUE(verdict.model_is_worse(h));
  EXPECT_NE(all_text(verdict).find("Do not use the neural ODE: 'one period ago (24)' is better at every horizon ("),
            std::string::npos)
      << all_text(verdict);
  EXPECT_NE(all_text(verdict).find("What may help: --clock 24 (it repeats itself)."), std::string::npos);
}

TEST(Verdict, ProposesNothingThatTheModelHad) {
  const Erring model("neural ODE", constant(0.24)),
      rival("one period ago (24)", constant(0.2),
            {{Remedy::kClock, "--clock 24", "it repeats itself"}, {Remedy::kMemory, "--memory auto", "of lags"}});
  EXPECT_NE(all_text(verdict_on(two_states(), model, {&rival}, {.in_use = {Remedy::kClock}}))
                .find("What may help: --memory auto (of lags)."),
            std::string::npos);
  EXPECT_NE(all_text(verdict_on(two_states(), model, {&rival}, {.in_use = {Remedy::kClock, Remedy::kMemory}}))
                .find("What may help: more data, or further --input columns"),
            std::string::npos);
}

TEST(Verdict, TakesATenthForNoDifference) {
  const Erring model("neural ODE", constant(0.218)), rival("linear ODE", constant(0.2));
  const Verdict verdict = verdict_on(two_states(), model, {&rival});
  for (std::size_t h = 0; h < verdict.horizons.size(); ++h) EXPECT_FALSE(verdict.model_is_worse(h));
  EXPECT_NE(all_text(verdict).find("The neural ODE is about as good as 'linear ODE'"), std::string::npos);
}

TEST(Verdict, SaysHowFarAhead) {
  const Erring model("neural ODE", [](std::size_t ahead) { return 0.01 * static_cast<double>(ahead); });
  const Erring mean("mean", constant(0.5)), last("last value", constant(0.8));
  const Verdict near = verdict_on(two_states(), model, {&last, &mean});
  EXPECT_TRUE(
      all_text(near).starts_with("Use the neural ODE up to 10 samples (t + 5) ahead; beyond that 'mean' is "
                                 "better ('mean' has an error of"))
      << all_text(near);
  EXPECT_EQ(near.best_rival[0], 2U);
  const Erring late("neural ODE", [](std::size_t ahead) { return ahead < 50 ? 1.2 : 0.1; });
  EXPECT_TRUE(all_text(verdict_on(two_states(), late, {&last}, {.horizons = {1, 100}}))
                  .starts_with("Use the neural ODE from 100 samples (t + 50) ahead on; before that 'last value'"));
  const Erring between("neural ODE", [](std::size_t ahead) { return ahead == 10 ? 0.1 : 2.0; });
  EXPECT_TRUE(all_text(verdict_on(two_states(), between, {&last}, {.horizons = {1, 10, 100}}))
                  .starts_with("Do not use the neural ODE: at 1 sample (t + 0.5) and 100 samples"));
  JudgeOptions held{.inputs = {InputsAhead::kHold}};
  TimeSeries driven = two_states();
  driven.input_names = {"u"};
  driven.trajectories[0].inputs = HostArray(Shape{200, 1});
  EXPECT_TRUE(all_text(verdict_on(driven, model, {&mean}, held))
                  .starts_with("With the inputs held at their last value: use the neural ODE up to"));
  EXPECT_TRUE(all_text(verdict_on(driven, model, {&mean})).starts_with("With the inputs known: use"));
  held.inputs = {InputsAhead::kRepeat, 12};
  EXPECT_TRUE(all_text(verdict_on(driven, model, {&mean}, held)).starts_with("With the inputs of 12 before: use"));
}

TEST(Verdict, DoesNotPraiseWhatIsClearlyBetterNowhere) {
  const Erring last("last value", constant(0.5));
  // Worse near, and within a tenth far ahead: no reason to use it from there on; nor up to there if it is the other
  // way.
  const Erring late("neural ODE", [](std::size_t ahead) { return ahead < 50 ? 0.7 : 0.52; });
  EXPECT_TRUE(all_text(verdict_on(two_states(), late, {&last}, {.horizons = {1, 10, 100}}))
                  .starts_with("Do not use the neural ODE: at 1 sample (t + 0.5) and 10 samples (t + 5) and all"))
      << all_text(verdict_on(two_states(), late, {&last}, {.horizons = {1, 10, 100}}));
  const Erring soon("neural ODE", [](std::size_t ahead) { return ahead < 50 ? 0.52 : 0.7; });
  const std::string said = all_text(verdict_on(two_states(), soon, {&last}, {.horizons = {1, 100}}));
  EXPECT_TRUE(said.starts_with("Do not use the neural ODE: at 100 samples (t + 50)")) << said;
  EXPECT_NE(said.find("Nowhere is it clearly better."), std::string::npos) << said;
}

TEST(Verdict, OfAStateThatWasNotMeasuredIsNotMeasured) {
  TimeSeries series = two_states();
  for (std::int64_t i = 50; i < 200; ++i) series.trajectories[0].states.set({i, 1}, kNan);
  const Erring model("neural ODE", constant(0.1)), rival("mean", constant(0.3));
  const Verdict verdict = verdict_on(series, model, {&rival});
  EXPECT_FALSE(verdict.errors[0][0].rmse[1].has_value());
  EXPECT_NEAR(*verdict.errors[0][0].relative, 0.05, 1e-12);
  EXPECT_NE(all_text(verdict).find("'z1' was not measured in what was held out"), std::string::npos);
  EXPECT_EQ(format_table(verdict).find("nan"), std::string::npos);
  EXPECT_NE(format_json(to_json(verdict)).find("\"z1\": null"), std::string::npos);
}

TEST(Verdict, ComparesTheSameCellsAndCallsOutABlowUp) {
  // What the model does not answer, a rival is not judged by either.
  const Erring model("neural ODE", [](std::size_t ahead) { return ahead > 140 ? kNan : 0.1; });
  const Erring rival("mean", [](std::size_t ahead) { return ahead > 140 ? 50.0 : 0.3; });
  const Verdict verdict = verdict_on(two_states(), model, {&rival});
  const std::size_t whole = verdict.horizons.size() - 1;
  EXPECT_EQ(verdict.errors[0][whole].missing, 20U);
  EXPECT_EQ(verdict.horizons[whole].cells[0], 140U);
  EXPECT_NEAR(*verdict.errors[1][whole].rmse[0], 0.3, 1e-12);
  EXPECT_TRUE(verdict.model_is_worse(whole));
  EXPECT_NE(all_text(verdict).find("Its forecasts blow up"), std::string::npos) << all_text(verdict);
  const Erring none("neural ODE", constant(kNan));
  const Verdict empty = verdict_on(two_states(), none, {&rival});
  EXPECT_FALSE(empty.errors[0][0].relative);
  EXPECT_NEAR(*empty.errors[1][0].rmse[0], 0.3, 1e-12);
  EXPECT_TRUE(all_text(empty).starts_with("Do not use the neural ODE")) << all_text(empty);
}

TEST(Verdict, OfWholeTrajectoriesStartsAtTheirFirstSamples) {
  const TimeSeries series = series_of({trajectory({0, 1, 2}, {1, 1, 1}), trajectory({0, 1, 2, 3}, {1, kNan, 1, 1})});
  const std::vector<Window> held = {{0, 0, 3}, {1, 0, 4}};
  const Normalization units{.state_offset = {0}, .state_scale = {1}, .input_offset = {}, .input_scale = {}};
  const Erring model("neural ODE", constant(0.1)), rival("mean", constant(0.3));
  const Forecaster* const rivals[] = {&rival};
  const Verdict verdict = judge(series, held, units, &model, rivals);
  ASSERT_EQ(verdict.horizons.size(), 2U);
  EXPECT_EQ(verdict.horizons[0].cells[0], 4U);
  EXPECT_EQ(verdict.horizons[1].samples, 3U);
  EXPECT_EQ(verdict.horizons[1].cells[0], 4U);
  EXPECT_NE(all_text(verdict).find("Only 4 values were held out"), std::string::npos);
  const Verdict of_rivals = judge(series, held, units, nullptr, rivals);
  EXPECT_TRUE(of_rivals.sentences.empty());
  EXPECT_EQ(of_rivals.best_rival[0], 0U);
  // Where nothing was measured at a horizon, no time is said for it.
  const Verdict bare = judge(series, held, units, &model, rivals, {.horizons = {100}});
  EXPECT_EQ(bare.horizons[0].origins, 0U);
  EXPECT_EQ(horizon_text(bare, 0), "100 samples");
  const Verdict nothing = judge(series, {}, units, &model, rivals);
  EXPECT_TRUE(nothing.horizons.empty());
  EXPECT_EQ(nothing.sentences.size(), 1U);
}

}  // namespace
}  // namespace costate

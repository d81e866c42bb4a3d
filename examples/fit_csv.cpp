// A neural ODE of a table: hares and lynx by the year. The fit holds out the last years and forecasts them, beside two
// baselines: the last value, and a linear ODE. Run it where examples/ is; `costate fit` does this and writes a report.
#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

int main() {
  const cs::SeriesColumns columns{.time = "year", .states = {"hare", "lynx"}};
  const cs::FitResult result = cs::fit(cs::read_series("examples/data/hare_lynx.csv", columns),
                                       {.model = {.columns = columns}, .epochs = 300, .seed = 1});
  for (const cs::ForecastError& error : result.errors)
    std::printf("%-10s  relative error of the forecast %.2f\n", error.model.c_str(), error.relative.value());
  const cs::LastState& last = result.model().last_states()[0];
  const auto ahead = result.model().predict({.start = last.state, .times = {last.time, last.time + 1}});
  std::printf("after %.0f: %.0f thousand hares, %.0f thousand lynx\n", last.time, ahead[1][0], ahead[1][1]);
  return *result.errors[0].relative < 0.8 * *result.errors[1].relative ? 0 : 1;
}

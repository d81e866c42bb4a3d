// A latent ODE of 64 spirals of radius 1 to 5, each seen at 20 irregular times with noise of 0.1. An encoder reads what
// was seen into the start of a path, a learned field carries it on, and a decoder makes points of it.
#include <cmath>
#include <cstdio>

#include "costate/costate.h"

namespace cs = costate;

int main() {
  const cs::Spirals spirals = cs::spirals({.count = 64, .observed = 20, .noise = 0.1, .seed = 1});
  cs::LatentOdeOptions options;
  options.observed = 2;
  options.latent = 4;
  const cs::LatentOde model(options);
  const cs::IrregularSeries seen{spirals.times, spirals.observations};
  cs::fit(model, seen,
          {.deviation = 0.3,
           .train = {.epochs = 1500, .seed = 1, .schedule = {.kind = cs::ScheduleKind::kCosine, .base = 0.02}}});

  double squares = 0;
  const std::vector<double> x = seen.x.numbers(), found = cs::predict(model, seen, seen.times).x.numbers();
  for (std::size_t i = 0; i < x.size(); ++i) squares += (found[i] - x[i]) * (found[i] - x[i]);
  std::printf("points are off by %.3f (root mean square)\n", std::sqrt(squares / double(x.size())));
  return squares / double(x.size()) < 0.3 * 0.3 ? 0 : 1;
}

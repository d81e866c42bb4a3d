# A neural ODE of a table: hares and lynx by the year. The fit holds out the last years and forecasts them, beside
# rivals of a few numbers, and says whether to trust it. `costate fit` does the same on the command line.
import pathlib

import costate

path = pathlib.Path(__file__).parent / "data/hare_lynx.csv"  # or a DataFrame
model = costate.fit_table(path, time="year", states=["hare", "lynx"], epochs=300, seed=1)
print(model)
ahead = model.forecast(1922)
for year, (hares, lynx) in zip(ahead.times[0], ahead.states[0]):
    print(f"{year:.0f}: {hares:.0f} thousand hares, {lynx:.0f} thousand lynx")
assert model.errors["neural ODE"]["relative"] < 0.5 * model.errors["last value"]["relative"]

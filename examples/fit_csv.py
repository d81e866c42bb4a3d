# A neural ODE of a table: hares and lynx by the year. The fit holds out the last years and forecasts them, beside two
# baselines: the last value, and a linear ODE. `costate fit` does this on the command line, and writes a report.
import pathlib

import costate
import numpy as np

path = pathlib.Path(__file__).parent / "data/hare_lynx.csv"
table = np.loadtxt(path, delimiter=",", skiprows=5)  # after the comments and the names of the columns
years, pelts = table[:, 0], table[:, 1:]

model = costate.fit(years, pelts, epochs=300, seed=1)
for name, error in model.errors.items():
    print(f"{name:10}  relative error of the forecast {error['relative']:.2f}")
hares, lynx = model.predict(pelts[-1], [1920, 1921])[1]
print(f"after 1920: {hares:.0f} thousand hares, {lynx:.0f} thousand lynx")
assert model.errors["neural ODE"]["relative"] < 0.5 * model.errors["last value"]["relative"]

# Hutchinson's population, z' = r z (1 - z(t - lag)): it settles for r lag < pi / 2, and cycles beyond. The gradient by the
# lag is beside a difference.
from typing import Any

import costate
import numpy as np


def field(t: Any, z: Any, past: Any, rate: Any) -> Any:
    return rate * z * (1 - past)


times = np.linspace(0, 40, 401)
rates = np.array([[1.2], [1.8]])
states = costate.solve_delays(field, lambda t, rate: 0.5 + 0 * rate, times, [1.0], args=[rates], rtol=1e-9, atol=1e-11)
settled, cycles = np.abs(states[:, 300:, 0] - 1).max(axis=1)

lag = costate.Parameter("lag", [1.0])


def at_end(rate: Any) -> Any:
    return costate.solve_delays(field, [0.5], [0.0, 5.5], [lag], args=[rate], rtol=1e-9, atol=1e-11)[-1, 0]


traced = costate.trace(at_end, {"rate": (1,)})
slope = costate.compile(costate.value_and_grad(traced, wrt=[lag]))(rates[1:])[1][0]
program, ends = costate.compile(traced), []
for moved in (0.9998, 1.0002):
    lag.value = [moved]
    ends.append(program(rates[1:])[0][0])
difference = (ends[1] - ends[0]) / 0.0004
print(f"r = 1.2 ends within {settled:.0e} of 1, r = 1.8 cycles by {cycles:.2f}; dz(5.5)/dlag = {slope:.5f}, by a difference {difference:.5f}")
assert settled < 0.01 and cycles > 0.5 and abs(slope - difference) < 1e-4

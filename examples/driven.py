# A driven system: z' = u(t) - z, where u is held between measurements. Each sample has inputs of its own; steps end
# where they jump, so that none is passed over. From one jump to the next the solution is an exponential.
from typing import Any

import costate
import numpy as np

hours = np.linspace(0, 24, 25)


def field(t: Any, z: Any, u: Any) -> Any:
    return costate.interpolate(hours, u, t, "hold") - z


inputs = np.zeros((2, 25, 1))
inputs[0, 6] = 1  # a pulse of an hour
inputs[1, :, 0] = np.sin(0.5 * hours)  # a wave in stairs
states = costate.solve(field, np.zeros((2, 1)), hours, args=[inputs], rtol=1e-8, atol=1e-10).states

by_hand = np.zeros((2, 25, 1))
for i in range(24):
    by_hand[:, i + 1] = inputs[:, i] + (by_hand[:, i] - inputs[:, i]) * np.exp(-1)
print("z(7) =", states[:, 7, 0].round(6), "z(24) =", states[:, 24, 0].round(6))
print(f"off by at most {np.abs(states - by_hand).max():.0e} from the exponentials")
assert np.abs(states - by_hand).max() < 1e-6

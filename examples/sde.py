# Geometric Brownian motion, dz = 0.1 z dt + 0.3 z dW, on 1000 paths: beside its closed form on the same paths, and the
# gradient of the mean by the drift.
from typing import Any

import costate
import numpy as np

drift = costate.Parameter("drift", [0.1])
options: dict[str, Any] = {"method": "srk", "steps_per_interval": 64, "seed": 7}
starts = np.ones((1000, 1))


def end(z0: Any, sample: Any) -> Any:
    return costate.solve_sde(lambda t, z: drift * z, lambda t, z: 0.3 * z, z0, [0.0, 1.0], samples=sample, **options)[1, 0]


states = costate.solve_sde(lambda t, z: 0.1 * z, lambda t, z: 0.3 * z, starts, [0.0, 1.0], **options).states
w = costate.brownian_path([0.0, 1.0], seed=7, samples=np.arange(1000))
exact = np.exp((0.1 - 0.3**2 / 2) + 0.3 * w[:, 1])
worst = np.abs(states[:, 1] / exact - 1).max()

# The program meets the same paths. z(1) is proportional to e^drift.
loss = costate.trace(end, {"z0": (1,), "sample": ()})
value, by_drift = costate.compile(costate.value_and_grad(loss, wrt=[drift]))(starts, np.arange(1000.0))
slope = by_drift[0] / 1000
print(f"off by at most {worst:.0e} from the closed form; d mean z(1) / d drift = {slope:.4f}")
assert worst < 1e-4 and abs(slope - exact.mean()) < 1e-4

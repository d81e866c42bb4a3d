# The gradient of a loss by a Parameter of the field. Solve and loss are one traced program, and value_and_grad makes
# another of it, with the gradient. Here z' = -rate z, so that all numbers have closed forms.
from typing import Any

import costate
import numpy as np

rate = costate.Parameter("rate", 0.5)


def loss(z0: Any, times: Any, seen: Any) -> Any:
    states = costate.solve(lambda t, z: -rate * z, z0, times, rtol=1e-10, atol=1e-12)
    return costate.mean(costate.square(states - seen))


traced = costate.trace(loss, {"z0": (1,), "times": (2,), "seen": (2, 1)})
program = costate.compile(costate.value_and_grad(traced, wrt=rate))

z0 = np.array([[1.0], [3.0]])  # two samples
times, seen = np.array([[0.0, 2.0], [0.0, 2.0]]), np.zeros((2, 2, 1))
losses, by_rate = program(z0, times, seen)  # one loss a sample, and the sum of their gradients

by_hand = -2 * np.exp(-0.5 * 2) ** 2 * (1 + 9)
print(f"losses {losses.round(6)}, their gradient by the rate {by_rate:.6f}, by hand {by_hand:.6f}")
assert abs(by_rate - by_hand) < 1e-7

# A field and a loss of one's own: a pendulum whose gravity is a Parameter and whose friction is a net, and a loss that
# grows like the distance and not like its square, so that a few broken samples hardly count.
from typing import Any

import costate
import numpy as np

times = np.linspace(0, 4, 41)
random = np.random.default_rng(1)
starts = np.stack([random.uniform(-2, 2, 30), random.uniform(-2, 2, 30)], axis=1)
seen = costate.solve(lambda t, z: [z[1], -1.5 * np.sin(z[0]) - 0.2 * z[1] * abs(z[1])], starts, times).states
seen = np.where(random.uniform(size=seen.shape) < 0.02, 10, seen)  # one cell of 50 is broken

gravity, net = costate.Parameter("gravity", [1.0]), costate.Mlp(1, [8], 1, seed=1)
parameters = [gravity, *net.parameters]


def field(t: Any, z: Any) -> Any:
    return [z[1], -gravity[0] * np.sin(z[0]) - net(z[1:])[0]]


def loss(z0: Any, seen: Any) -> Any:
    distance = costate.solve(field, z0, times, rtol=1e-4, atol=1e-5) - seen
    return costate.mean(np.sqrt(0.01 + distance**2))


traced = costate.trace(loss, {"z0": (2,), "seen": (41, 2)})
program = costate.compile(costate.value_and_grad(traced, wrt=parameters))


def evaluate(rows: Any) -> costate.Evaluation:
    return costate.mean_over_batch(*program.run(starts[rows], seen[rows]))


costate.train(parameters, len(starts), evaluate, epochs=400, schedule=costate.Schedule(base=0.02))
friction = costate.compile(costate.trace(net, {"omega": (1,)}))([[-1.0], [1.0]])[0][:, 0]
print(f"gravity {gravity.value[0]:.3f}, in truth 1.5; friction at -1 and 1 {friction.round(3)}, in truth -0.2 and 0.2")
assert abs(gravity.value[0] - 1.5) < 0.05 and np.abs(friction - [-0.2, 0.2]).max() < 0.05

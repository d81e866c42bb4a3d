# A net learns the pendulum from 20 noisy trajectories, cut into windows of 11 samples, by Adam. Then it is solved from
# a start that it has not seen, for five times as long as a window, beside the pendulum itself.
from typing import Any

import costate
import numpy as np

pendulum = lambda t, z: [z[1], -np.sin(z[0])]  # noqa: E731
random = np.random.default_rng(1)
starts = np.stack([random.uniform(-2, 2, 20), np.zeros(20)], axis=1)
states = costate.solve(pendulum, starts, np.linspace(0, 10, 101)).states
states = states + 0.01 * random.normal(size=states.shape)
windows = np.concatenate([states[:, i : i + 11] for i in range(0, 100, 10)])  # [window, time, state]

net = costate.Mlp(2, [32], 2, seed=1)


def loss(z0: Any, seen: Any) -> Any:
    path = costate.solve(lambda t, z: net(z), z0, np.linspace(0, 1, 11), rtol=1e-4, atol=1e-5)
    return costate.mean(costate.square(path[1:] - seen))


traced = costate.trace(loss, {"z0": (2,), "seen": (10, 2)})
program = costate.compile(costate.value_and_grad(traced, wrt=net.parameters))
moments = [np.zeros((2, *parameter.shape)) for parameter in net.parameters]
for step in range(1, 401):
    value, *gradients = program(windows[:, 0], windows[:, 1:])
    for parameter, (m, v), gradient in zip(net.parameters, moments, gradients):
        m += 0.1 * (gradient / len(windows) - m)  # gradients are sums over the windows
        v += 0.001 * ((gradient / len(windows)) ** 2 - v)
        step_size = 0.02 / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        parameter.value = parameter.value - step_size * m

times = np.linspace(0, 5, 51)
learned = costate.solve(lambda t, z: net(z), [1.5, 0.0], times).states
worst = np.abs(learned - costate.solve(pendulum, [1.5, 0.0], times).states)[:, 0].max()
print(f"loss {value.mean():.1e}; theta(t) is off by at most {worst:.3f} rad up to t = 5")
assert worst < 0.15

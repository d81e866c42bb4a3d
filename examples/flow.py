# A continuous normalizing flow learns the density of two moons by maximum likelihood: the logarithm of the density
# grows by the trace of df/dz along the way. Whatever the weights, the density integrates to 1.
from typing import Any

import costate
import numpy as np

net = costate.Mlp(3, [16], 2, seed=1)


def minus_log_density(x: Any) -> Any:
    def field(t: Any, s: Any) -> Any:
        slope: Any = net(np.append(s[:2], t))
        return np.append(slope, np.trace(costate.jacobian(slope, s)[:, :2]))

    end = costate.solve(field, np.append(x, 0.0), [0.0, 1.0], rtol=1e-5, atol=1e-5)[-1]
    return 0.5 * np.sum(end[:2] ** 2) + np.log(2 * np.pi) - end[2]


random = np.random.default_rng(1)
angle = random.uniform(0, np.pi, 256)
upper = np.stack([2 * np.cos(angle) - 1, 2 * np.sin(angle) - 0.5], axis=1)
moons = np.concatenate([upper, -upper]) + 0.15 * random.normal(size=(512, 2))

traced = costate.trace(minus_log_density, {"x": (2,)})
program = costate.compile(costate.value_and_grad(traced, wrt=net.parameters))
moments, losses = [np.zeros((2, *parameter.shape)) for parameter in net.parameters], []
for step in range(1, 151):
    values, *gradients = program(moons)
    losses.append(values.mean())
    for parameter, (m, v), gradient in zip(net.parameters, moments, gradients):  # Adam
        m += 0.1 * (gradient / len(moons) - m)
        v += 0.001 * ((gradient / len(moons)) ** 2 - v)
        step_size = 0.02 / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        parameter.value = parameter.value - step_size * m

side = np.arange(-6, 6, 0.1)
grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
integral = np.exp(-costate.compile(traced)(grid)[0]).sum() * 0.1**2
print(f"-log density of a moon {losses[0]:.2f} at first, {losses[-1]:.2f} at last; integral {integral:.4f}")
assert abs(integral - 1) < 0.01 and losses[-1] < losses[0] - 0.5

# A latent ODE of 64 points on circles, each seen at 12 irregular times with noise of 0.1, from costate's parts: a
# recurrent encoder reads what was seen into the start of a path, a learned field carries it on, a decoder reads it off.
from typing import Any

import costate
import numpy as np

random = np.random.default_rng(1)
times = np.sort(random.uniform(0, 3, (64, 12)), axis=1)
angles = random.uniform(0, 2 * np.pi, (64, 1)) + times
seen = np.stack([np.cos(angles), np.sin(angles)], axis=2) + 0.1 * random.normal(size=(64, 12, 2))

cell, posterior = costate.Mlp(2 + 1 + 12, [], 12, seed=1), costate.Mlp(12, [], 4, seed=2)
net, decoder = costate.Mlp(2, [16], 2, seed=3), costate.Mlp(2, [], 2, seed=4)
parameters = [*cell.parameters, *posterior.parameters, *net.parameters, *decoder.parameters]


def points(times: Any, x: Any, noise: Any) -> Any:
    h = costate.zeros(12)
    for i in reversed(range(12)):
        gap = times[min(i + 1, 11)] - times[i]
        h = np.tanh(cell(costate.concat([x[i], costate.stack([gap]), h])))
    mean, log_variance = posterior(h)[:2], posterior(h)[2:]
    kl = 0.5 * np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance)
    path = costate.solve(lambda t, z: net(z), mean + np.exp(log_variance / 2) * noise, times, rtol=1e-3, atol=1e-4)
    return costate.stack([decoder(path[i]) for i in range(12)]), kl


def minus_elbo(times: Any, x: Any, noise: Any) -> Any:
    expected, kl = points(times, x, noise)
    return 0.5 * np.sum((expected - x) ** 2) / 0.1**2 + kl


shapes = {"times": (12,), "x": (12, 2), "noise": (2,)}
program = costate.compile(costate.value_and_grad(costate.trace(minus_elbo, shapes), wrt=parameters))
moments = [np.zeros((2, *parameter.shape)) for parameter in parameters]
for step in range(1, 801):
    values, *gradients = program(times, seen, random.normal(size=(64, 2)))
    for parameter, (m, v), gradient in zip(parameters, moments, gradients):  # Adam
        m += 0.1 * (gradient / 64 - m)
        v += 0.001 * ((gradient / 64) ** 2 - v)
        step_size = 0.02 / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
        parameter.value = parameter.value - step_size * m

again = costate.compile(costate.trace(lambda t, x: points(t, x, np.zeros(2))[0], {"t": (12,), "x": (12, 2)}))
error = np.sqrt(np.mean((again(times, seen)[0] - np.stack([np.cos(angles), np.sin(angles)], axis=2)) ** 2))
print(f"points are off by {error:.3f}; what was seen, by 0.100")
assert error < 0.07

#!/usr/bin/env python3
"""How often gradients of solves of random tanh nets break the guard's promise (docs/gradients.md), and whether gradient_error tells.

    bench/adjoints/random_nets.py [COUNT]

Each net has 2 to 5 states, 8 to 32 hidden units, weights of deviation 0.5 to 3 over the root of the width, perhaps a decay beside it, and
is solved over [0, 1], [0, 5] or [0, 20] by dopri5 at a relative tolerance of 1e-3, 1e-5 or 1e-7, f64. Truth is the discrete gradient at 1e-12.
"""

import sys

import costate
import numpy as np


def random_net(random):
    """A field, its start, its end, a tolerance, weights of the loss, and the deviation of its weights."""
    states, width = int(random.integers(2, 6)), int(random.choice([8, 16, 32]))
    scale, end, rtol = (float(random.choice(choices)) for choices in ([0.5, 1, 2, 3], [1, 5, 20], [1e-3, 1e-5, 1e-7]))
    inner, bias = random.normal(size=(width, states)) * scale / np.sqrt(states), 0.5 * random.normal(size=width)
    outer = random.normal(size=(states, width)) * scale / np.sqrt(width)
    decay = float(random.choice([0, 1]))
    start = random.normal(size=states) * float(random.choice([0, 0.1, 1]))
    return lambda t, z: outer @ costate.tanh(inner @ z + bias) - decay * z, start, end, rtol, random.normal(size=states), scale


def main(count):
    random = np.random.default_rng(7)
    broken = []
    for _ in range(count):
        field, start, end, rtol, weights, scale = random_net(random)

        def gradient_at(rtol, **options):
            loss = lambda z: costate.sum(weights * costate.solve(field, z, [0.0, end], rtol=rtol, atol=0.01 * rtol, max_steps=10**6)[-1])
            return costate.compile(costate.value_and_grad(costate.trace(loss, {"z": start.shape}), **options))(start)[1:]

        gradient, estimate = gradient_at(rtol, gradient_error=True)
        right, = gradient_at(1e-12)
        error, allowed = np.linalg.norm(gradient - right), 100 * rtol * np.linalg.norm(right) + rtol * np.linalg.norm(weights)
        if error > allowed:
            broken.append((error / allowed, scale, np.linalg.norm(estimate) / error))
    print(f"{len(broken)} of {count} broke the promise", end="")
    if broken:
        factors, scales, told = map(np.array, zip(*broken))
        print(f", by {np.median(factors):.1f} in the median and {factors.max():.0f} at worst; deviations {dict(zip(*(x.tolist() for x in np.unique(scales, return_counts=True))))};"
              f" gradient_error is {told.min():.3f} to {told.max():.3f} of the error")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1200)

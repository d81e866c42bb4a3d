"""diffrax's side of POLLU's gradient: the sum of squares at t = 60 by the start and 25 factors of the rates, Kvaerno5 under vmap.

usage: diffrax_pollu.py NUMBER RTOL SECONDS
"""

import json
import os
import sys

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from side import timed

jax.config.update("jax_enable_x64", True)

# rate, species taken, species made: as tests/support/stiff_problems.h
REACTIONS = [
    (0.35, [1], [2, 3]), (0.266e2, [2, 4], [1]), (0.123e5, [5, 2], [1, 6]), (0.86e-3, [7], [5, 5, 8]), (0.82e-3, [7], [8]),
    (0.15e5, [7, 6], [5, 8]), (0.13e-3, [9], [10, 5, 8]), (0.24e5, [9, 6], [11]), (0.165e5, [11, 2], [10, 12, 1]), (0.9e4, [11, 1], [13]),
    (0.22e-1, [13], [11, 1]), (0.12e5, [10, 2], [14, 1]), (0.188e1, [14], [7, 5]), (0.163e5, [1, 6], [15]), (0.48e7, [3], [4]),
    (0.35e-3, [4], [16]), (0.175e-1, [4], [3]), (0.1e9, [16], [6, 6]), (0.444e12, [16], [3]), (0.124e4, [17, 6], [18, 5]),
    (0.21e1, [19], [2]), (0.578e1, [19], [1, 3]), (0.474e-1, [1, 4], [19]), (0.178e4, [19, 1], [20]), (0.312e1, [20], [19, 1])]
START = {1: 0.2, 3: 0.04, 6: 0.1, 7: 0.3, 8: 0.01, 16: 0.007}


def field(t, y, factors):
    slopes = [0.0] * 20
    for (rate, taken, made), factor in zip(REACTIONS, factors):
        speed = rate * factor
        for species in taken:
            speed = speed * y[species - 1]
        for species in taken:
            slopes[species - 1] = slopes[species - 1] - speed
        for species in made:
            slopes[species - 1] = slopes[species - 1] + speed
    return jnp.stack(slopes)


def main():
    number, rtol, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    controller = diffrax.PIDController(rtol=rtol, atol=1e-4 * rtol)
    start = np.zeros((number, 20))
    for i, value in START.items():
        start[:, i] = value
    factors = 1 + 0.1 * np.sin(np.arange(25 * number).reshape(number, 25))

    def loss(y0, k):
        found = diffrax.diffeqsolve(diffrax.ODETerm(field), diffrax.Kvaerno5(), 0.0, 60.0, None, y0, args=k,
                                    stepsize_controller=controller, max_steps=4096)
        return jnp.sum(found.ys[-1] ** 2)

    run = jax.jit(jax.vmap(jax.value_and_grad(loss, argnums=(0, 1))))
    ms = timed(lambda: jax.block_until_ready(run(start, factors)), seconds)
    print(json.dumps({"ms": ms}))


if __name__ == "__main__":
    main()

"""diffrax's side of the same systems: Kvaerno5 under vmap, each sample with steps of its own.

usage: diffrax_side.py NUMBER RTOL SECONDS FILE
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


def rates_of(number):
    """As bench/stiff/rates.h."""
    i, j = np.arange(number)[:, None], np.arange(3)
    return np.array([0.04, 1e4, 3e7]) * (0.5 + ((i * (2 * j + 3) * 7919 + 104729 * j) % 9973) / 9973)


def robertson(t, y, k):
    a, b, c = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] * y[1]
    return jnp.stack([b - a, a - b - c, c])


def main():
    number, rtol, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    controller = diffrax.PIDController(rtol=rtol, atol=rtol * jnp.array([1e-4, 1e-8, 1e-4]))
    rates, start = jnp.asarray(rates_of(number)), jnp.array([1.0, 0.0, 0.0])

    @jax.jit
    @jax.vmap
    def run(k):
        found = diffrax.diffeqsolve(diffrax.ODETerm(robertson), diffrax.Kvaerno5(), 0.0, 1e4, None, start, args=k,
                                    stepsize_controller=controller, max_steps=100_000)
        return found.ys[-1], found.stats["num_accepted_steps"]

    end, steps = jax.block_until_ready(run(rates))
    ms = timed(lambda: jax.block_until_ready(run(rates)), seconds)
    print(json.dumps({"ms": ms, "steps": float(steps.mean())}))
    np.asarray(end).tofile(sys.argv[4])


if __name__ == "__main__":
    main()

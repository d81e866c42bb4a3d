"""diffrax's side: Euler and Maruyama on a VirtualBrownianTree whose tolerance is half a step, under vmap, and the gradient through its steps.
usage: diffrax_side.py BATCH STEPS WIDTH SECONDS
"""

import json
import os
import sys

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import diffrax
import jax
import jax.numpy as jnp
import lineax
import numpy as np
from side import timed


def main():
    batch, steps, width, seconds = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    sizes = [4, width, width, 4] if width else []
    weights = [jnp.asarray(np.sin(0.37 * np.arange(m * n)).reshape(m, n) / np.sqrt(n), jnp.float32) for n, m in zip(sizes, sizes[1:])]
    z0 = jnp.asarray(np.cos(0.1 * np.arange(batch * 4)).reshape(batch, 4), jnp.float32)
    keys = jax.random.split(jax.random.PRNGKey(0), batch)

    def drift(t, z, weights):
        if not weights:
            return -z
        return weights[2] @ jnp.tanh(weights[1] @ jnp.tanh(weights[0] @ z))

    def solve(z, key, weights):
        path = diffrax.VirtualBrownianTree(0.0, 1.0, 0.5 / steps, (4,), key)
        terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(lambda t, z, args: lineax.DiagonalLinearOperator(0.2 * (1 + 0.1 * z)), path))
        return diffrax.diffeqsolve(terms, diffrax.Euler(), 0.0, 1.0, 1 / steps, z, weights, max_steps=steps + 1).ys[-1]

    def loss(z0, weights):
        return jnp.square(jax.vmap(solve, in_axes=(0, 0, None))(z0, keys, weights)).sum()

    forward, gradient = jax.jit(loss), jax.jit(jax.grad(loss, (0, 1)))
    print(json.dumps({"loss": float(forward(z0, weights)) / batch, "forward": timed(lambda: jax.block_until_ready(forward(z0, weights)), seconds),
                      "gradient": timed(lambda: jax.block_until_ready(gradient(z0, weights)), seconds)}))


if __name__ == "__main__":
    main()

"""diffrax's side, which is lax.scan where the steps are fixed: heat that turns and spreads, by the formulas of
experiments/heat/heat_model.cpp, in f64. Gradients are timed with what the steps leave kept and with it computed again
(jax.checkpoint); the faster one counts. usage: diffrax_side.py CELLS STEPS SECONDS"""

import json
import os
import sys

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp
import numpy as np
from side import timed

jax.config.update("jax_enable_x64", True)
DIFFUSION = 0.003


def start_field(cells):
    """The same numbers as in costate_side.cpp."""
    x = np.arange(1, cells) / cells
    blob = lambda middle, amplitude, width: amplitude * np.exp(
        -((x[None] - middle[0]) ** 2 + (x[:, None] - middle[1]) ** 2) / (2 * width**2))
    return blob((0.4, 0.55), 1, 0.08) + blob((0.6, 0.4), -0.7, 0.1)


def rate_of(cells):
    h, side = 1 / cells, cells - 1
    x = jnp.arange(1, cells) / cells
    along_x, along_y = ((0.5 - x) / (12 * h))[:, None], ((x - 0.5) / (12 * h))[None]

    def rate(u, diffusion):
        wide = jnp.pad(u, 2)
        at = lambda row, column: wide[2 + row:2 + row + side, 2 + column:2 + column + side]
        near = at(0, 1) + at(0, -1) + (at(1, 0) + at(-1, 0))
        far = at(0, 2) + at(0, -2) + (at(2, 0) + at(-2, 0))
        second = 16 * near - far - 60 * u
        by_x = 8 * (at(0, 1) - at(0, -1)) - (at(0, 2) - at(0, -2))
        by_y = 8 * (at(1, 0) - at(-1, 0)) - (at(2, 0) - at(-2, 0))
        return diffusion / (12 * h * h) * second - along_x * by_x - along_y * by_y

    return rate


def main():
    cells, steps, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    rate = rate_of(cells)
    dt = 0.9 * 2.78 / (32 / 3 * DIFFUSION * cells * cells)

    def step(u, diffusion):
        k1 = rate(u, diffusion)
        k2 = rate(u + dt / 2 * k1, diffusion)
        k3 = rate(u + dt / 2 * k2, diffusion)
        k4 = rate(u + dt * k3, diffusion)
        return u + dt / 6 * (k1 + 2 * (k2 + k3) + k4)

    def energy_by(one_step):
        def energy(u, logarithm):
            diffusion = jnp.exp(logarithm)
            end = jax.lax.scan(lambda z, _: (one_step(z, diffusion), None), u, None, length=steps)[0]
            return 0.5 * jnp.sum(end**2)

        return energy

    inputs = jnp.asarray(start_field(cells)), jnp.asarray(np.log(DIFFUSION))
    forward = jax.jit(energy_by(step))
    gradients = [jax.jit(jax.value_and_grad(energy_by(one_step), (0, 1))) for one_step in (step, jax.checkpoint(step))]
    value, (by_field, by_logarithm) = gradients[0](*inputs)
    print(json.dumps({"value": float(value), "field_norm": float(jnp.linalg.norm(by_field)), "by_logarithm": float(by_logarithm),
                      "ms": timed(lambda: jax.block_until_ready(forward(*inputs)), seconds),
                      "gradient_ms": min(timed(lambda: jax.block_until_ready(gradient(*inputs)), seconds) for gradient in gradients)}))


if __name__ == "__main__":
    main()

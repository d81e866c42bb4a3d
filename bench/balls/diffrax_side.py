"""diffrax's side: vmap over the balls, a solve from bounce to bounce, as many as the ball with the most of them has.
usage: diffrax_side.py NUMBER DRAG SECONDS
"""

import json
import os
import sys

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from side import timed

jax.config.update("jax_enable_x64", True)
END, MOST_SOLVES = 2.0, 8


def main():
    number, drag, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    heights = 0.5 + 1.5 * (np.arange(number) * 7919 % 9973) / 9973
    z0 = jnp.asarray(np.stack([heights, np.zeros(number)], 1))
    term = diffrax.ODETerm(lambda t, z, args: jnp.stack([z[1], -9.81 - drag * z[1] * jnp.abs(z[1])]))
    controller = diffrax.PIDController(rtol=1e-6, atol=1e-8)
    ground = diffrax.Event(lambda t, y, args, **rest: y[0], optimistix.Newton(1e-9, 1e-9), direction=False)

    @jax.jit
    @jax.vmap
    def run(z):
        def fly(state, _):
            t, z = state
            solution = diffrax.diffeqsolve(term, diffrax.Dopri5(), t, END, None, z, stepsize_controller=controller, event=ground, throw=False)
            is_over = t >= END
            end, landed = solution.ys[-1], solution.event_mask & ~is_over
            # A hair above the ground: an event at the start of a solve would end it.
            moved = jnp.where(landed, jnp.stack([jnp.full_like(end[1], 1e-12), -0.8 * end[1]]), end)
            return (jnp.where(is_over, t, solution.ts[-1]), jnp.where(is_over, z, moved)), landed

        (t, z), landed = jax.lax.scan(fly, (jnp.zeros(()), z), None, length=MOST_SOLVES)
        return t, z, landed.sum()

    t, z, events = jax.block_until_ready(run(z0))
    assert bool((t >= END).all()), "a ball bounces more often than it is solved"
    ms = timed(lambda: jax.block_until_ready(run(z0)), seconds)
    print(json.dumps({"sum": float(z[:, 0].sum()), "events": int(events.sum()), "ms": ms}))


if __name__ == "__main__":
    main()

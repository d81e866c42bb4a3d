#!/usr/bin/env python3
"""1,000 pendulums beside diffrax, in one process that has both: dopri5 at 1e-5 over [0, 10], forward and the gradient by the starts.

diffrax solves all pendulums as one system (a joint batch, one step for all), as its users do where vmap is slower; Costate gives each
its own steps. Calls alternate, and the fastest of each counts: what else runs on the machine comes and goes.

usage: taskset -c 0 python bench/pendulums.py [--rounds N] [--realtime]
"""

import argparse
import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import diffrax  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

import costate  # noqa: E402
from side import fastest  # noqa: E402

jax.config.update("jax_enable_x64", True)
COUNT, END, TOLERANCE = 1000, 10.0, 1e-5


def starts(dtype):
    rng = np.random.default_rng(0)
    return np.stack([rng.uniform(-2.0, 2.0, COUNT), rng.uniform(-1.0, 1.0, COUNT)], axis=1).astype(dtype)


def field(t, z):
    return costate.stack([z[1], -costate.sin(z[0])])


def costate_calls(z0, times):
    """The states, and the loss with its gradient."""
    traced = costate.vector_field(field, (2,))
    options = {"method": "dopri5", "rtol": TOLERANCE, "atol": TOLERANCE}
    loss = costate.trace(lambda z: costate.sum(costate.solve(traced, z, times, **options) ** 2), {"z": (2,)})
    program = costate.compile(costate.value_and_grad(loss), dtype=str(z0.dtype))
    return (lambda: costate.solve(traced, z0, times, **options).states, lambda: program(z0))


def diffrax_calls(z0, times):
    term = diffrax.ODETerm(lambda t, y, args: jnp.stack([y[:, 1], -jnp.sin(y[:, 0])], axis=1))
    ts = jnp.asarray(times, z0.dtype)

    def states(y0):
        return diffrax.diffeqsolve(term, diffrax.Dopri5(), ts[0], ts[-1], None, y0, saveat=diffrax.SaveAt(ts=ts), max_steps=4096,
                                   stepsize_controller=diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE)).ys

    y0 = jnp.asarray(z0)
    forward, gradient = jax.jit(states), jax.jit(jax.value_and_grad(lambda y: jnp.sum(states(y) ** 2)))
    return (lambda: forward(y0).block_until_ready(), lambda: jax.block_until_ready(gradient(y0)))


def check(ours, theirs):
    """Both must have solved the same problem, to what the tolerance leaves."""
    states, other = np.swapaxes(ours[0](), 0, 1), np.asarray(theirs[0]())
    assert np.abs(states - other).max() < 2e-2, np.abs(states - other).max()
    gradient, other = ours[1]()[1], np.asarray(theirs[1]()[1])
    assert np.linalg.norm(gradient - other) < 1e-2 * np.linalg.norm(other)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--realtime", action="store_true", help="real-time priority while calls are timed, on a machine that is busy")
    arguments = parser.parse_args()
    costate.set_num_threads(1)
    print("| dtype | outputs | | Costate, ms | diffrax, ms | times |\n|---|---|---|---|---|---|")
    for dtype in (np.float32, np.float64):
        for outputs in (20, 200):
            z0, times = starts(dtype), np.linspace(0.0, END, outputs)
            ours, theirs = costate_calls(z0, times), diffrax_calls(z0, times)
            check(ours, theirs)
            for i, what in enumerate(("forward", "gradient")):
                mine, other = fastest((ours[i], theirs[i]), arguments.rounds, arguments.realtime)
                print(f"| {np.dtype(dtype).name} | {outputs} | {what} | {mine:.2f} | {other:.2f} | {other / mine:.1f} |", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""costate.jax beside diffrax: the same fields of JAX under jit, forward and gradient by the weights.

Answers must agree before anything is timed. Prints a Markdown table; times are in milliseconds, the least of calls by turns.

usage: bench/jax_door.py [ROUNDS]   (with costate and diffrax to be imported; 200 by default)
"""

import sys

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from side import fastest

import costate.jax

jax.config.update("jax_enable_x64", True)
TIMES, TOLERANCE = jnp.linspace(0.0, 1.0, 5), 1e-6


def field(t, z, weights):
    inner, bias, outer = weights
    return outer @ jnp.tanh(inner @ z + bias)


def by_costate(z0, weights):
    return costate.jax.solve(field, z0, TIMES, (weights,), rtol=TOLERANCE, atol=TOLERANCE)


def by_diffrax(z0, weights):
    control = diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE)
    return diffrax.diffeqsolve(diffrax.ODETerm(field), diffrax.Dopri5(), 0.0, 1.0, None, z0, args=weights, saveat=diffrax.SaveAt(ts=TIMES),
                               stepsize_controller=control).ys


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    random = np.random.default_rng(0)
    print("| | | Costate | diffrax | Costate is faster by |\n|---|---|---|---|---|")
    for name, width, hidden, batch in (("2-50-2", 2, 50, 0), ("4-64-4", 4, 64, 0), ("16-128-16, vmap of 256", 16, 128, 256)):
        weights = tuple(map(jnp.asarray, (random.normal(size=(hidden, width)) / np.sqrt(width), np.zeros(hidden),
                                          random.normal(size=(width, hidden)) / np.sqrt(hidden))))
        z0 = jnp.asarray(random.normal(size=(batch, width) if batch else width))
        solves = [jax.vmap(solve, in_axes=(0, None)) if batch else solve for solve in (by_costate, by_diffrax)]
        forward = [jax.jit(solve) for solve in solves]
        gradient = [jax.jit(jax.grad(lambda w, solve=solve: jnp.sum(jnp.square(solve(z0, w)[..., -1, :])))) for solve in solves]
        for what, sides, inputs in (("forward", forward, (z0, weights)), ("gradient", gradient, (weights,))):
            mine, theirs = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(side(*inputs))]) for side in sides)
            if np.abs(mine - theirs).max() > 1e-4 * (1 + np.abs(theirs).max()):
                sys.exit(f"jax_door: {name}: the {what} of costate and diffrax differ by {np.abs(mine - theirs).max():.2g}")
            calls = [lambda side=side, inputs=inputs: jax.block_until_ready(side(*inputs)) for side in sides]
            a, b = fastest(calls, rounds if not batch else max(3, rounds // 10))
            print(f"| {name if what == 'forward' else ''} | {what} | {a:.3g} | {b:.3g} | {b / a:.2g}× |")


if __name__ == "__main__":
    main()

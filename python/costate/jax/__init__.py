"""Solves inside JAX programs, computed by the core: under jit, vmap and grad.

>>> import costate.jax, jax, jax.numpy as jnp
>>> loss = lambda rate: costate.jax.solve(lambda t, z, rate: -rate * z, jnp.ones(1), jnp.array([0.0, 1.0]), (rate,), rtol=1e-6, atol=1e-8)[-1, 0]
>>> bool(abs(jax.jit(jax.grad(loss))(0.5) + jnp.exp(-0.5)) < 1e-5)
True
"""

from costate import _tables

_tables.load("jax", "[costate.jax] a solve inside a JAX program")

from costate.jax._solve import odeint, solve  # noqa: E402

__all__ = ["odeint", "solve"]

"""Solves inside JAX programs, computed by the core: under jit, vmap and grad.

>>> import costate.jax, jax, jax.numpy as jnp
>>> loss = lambda rate: costate.jax.solve(lambda t, z, rate: -rate * z, jnp.ones(1), jnp.array([0.0, 1.0]), (rate,), rtol=1e-6, atol=1e-8)[-1, 0]
>>> bool(abs(jax.jit(jax.grad(loss))(0.5) + jnp.exp(-0.5)) < 1e-5)
True
"""

from costate import _core, _tables

_jax = _tables.load("jax", "[costate.jax] a solve inside a JAX program")
if tuple(map(int, _jax.__version__.split(".")[:2])) < (0, 5):
    raise _core.NotSupported(f"[costate.jax] a solve inside a JAX program needs JAX 0.5 or later; got {_jax.__version__}.")

from costate.jax._solve import odeint, solve  # noqa: E402

__all__ = ["odeint", "solve"]

"""What steps_that_ran_out.sh runs: decay and an oscillator by jax.experimental.ode.odeint, with few steps and without a limit."""

import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.ode import odeint

jax.config.update("jax_enable_x64", True)
TOLERANCE = 1e-8


def decay(y, t):
    return -y


def oscillator(y, t):
    return jnp.array([y[1], -100 * y[0]])


# The field, the start, the last time, the limit of steps, the right first number there, and how far off it is at least.
CASES = [
    (decay, [1.0], 10.0, None, np.exp(-10.0), None),
    (decay, [1.0], 10.0, 5, np.exp(-10.0), 10.0),
    (decay, [1.0], 10.0, 1, np.exp(-10.0), 10.0),
    (oscillator, [1.0, 0.0], 10.0, None, np.cos(100.0), None),
    (oscillator, [1.0, 0.0], 10.0, 20, np.cos(100.0), 1e5),
]


def main() -> int:
    as_seen = True
    for field, start, end, limit, right, off in CASES:
        options = {} if limit is None else {"mxstep": limit}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = float(odeint(field, jnp.array(start), jnp.array([0.0, 1.0, end]), rtol=TOLERANCE, atol=TOLERANCE, **options)[-1, 0])
        print(f"{field.__name__:10s} mxstep {limit}: {found:.6g} at t = {end:g}; right is {right:.6g}")
        as_seen &= np.isfinite(found) and (abs(found - right) < 1e-5 if off is None else abs(found - right) > off)
    print("as seen before" if as_seen else "NOT as seen before")
    return 0 if as_seen else 1


if __name__ == "__main__":
    sys.exit(main())

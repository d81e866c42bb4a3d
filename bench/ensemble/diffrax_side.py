"""diffrax's side: vmap over the samples, each with steps of its own. usage: diffrax_side.py NUMBER SECONDS"""

import json
import os
import sys

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import diffrax
import jax
import jax.numpy as jnp
from data import ensemble, lotka_volterra
from side import timed

jax.config.update("jax_enable_x64", True)


def main():
    number, seconds = int(sys.argv[1]), float(sys.argv[2])
    z0, rates = map(jnp.asarray, ensemble(number))
    term = diffrax.ODETerm(lambda t, z, p: jnp.stack(lotka_volterra(z, p)))
    controller = diffrax.PIDController(rtol=1e-8, atol=1e-8)

    @jax.jit
    @jax.vmap
    def run(z, p):
        return diffrax.diffeqsolve(term, diffrax.Dopri8(), 0.0, 10.0, None, z, args=p, stepsize_controller=controller).ys[-1]

    end = jax.block_until_ready(run(z0, rates))
    ms = timed(lambda: jax.block_until_ready(run(z0, rates)), seconds)
    print(json.dumps({"sum": float(end.sum()), "ms": ms}))


if __name__ == "__main__":
    main()

"""diffrax's side (fixed steps: lax.scan): one workload, forward and gradient, jitted, the batch as one state.

usage: diffrax_side.py DATA_DIR NAME SECONDS
"""

import json
import math
import os
import sys
import time

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from side import timed
from workloads import WORKLOADS


def net(weights, x):
    for w, b in weights[:-1]:
        x = jnp.tanh(x @ w.T + b)
    w, b = weights[-1]
    return x @ w.T + b


def flow(weights, t, state):
    def one(z):
        f = lambda z: net(weights, jnp.concatenate([z, t[None]]))
        slope = f(z)
        trace = sum(jax.jvp(f, (z,), (unit,))[1][i] for i, unit in enumerate(jnp.eye(2)))
        return slope, -trace

    return jax.vmap(one)(state[0])


def rk4_scan(f, z0, steps):
    h = 1 / steps

    def step(z, _):
        k1 = f(z)
        k2 = f(z + h * k1 / 3)
        k3 = f(z + h * (k2 - k1 / 3))
        k4 = f(z + h * (k1 - k2 + k3))
        return z + h * (k1 + 3 * (k2 + k3) + k4) / 8, None

    return jax.lax.scan(step, z0, None, length=steps)[0]


def main():
    folder, name, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    cold = time.perf_counter()
    data = dict(np.load(f"{folder}/{name}.npz"))
    depth = sum(key.startswith("w") for key in data)
    weights = [(jnp.asarray(data[f"w{i}"]), jnp.asarray(data[f"b{i}"])) for i in range(depth)]
    z0, target = jnp.asarray(data["z0"]), jnp.asarray(data["target"])
    times = jnp.asarray(data["times"], jnp.float32)
    workload = WORKLOADS[name]
    steps = workload.steps

    def rhs(t, z, weights):
        if workload.is_flow:
            return flow(weights, jnp.asarray(t, jnp.float32), z)
        return net(weights, z**3 if workload.is_cubed else z)

    def solve(weights):
        start = (z0, jnp.zeros(len(z0))) if workload.is_flow else z0
        rtol, atol = workload.tolerances
        return diffrax.diffeqsolve(diffrax.ODETerm(rhs), diffrax.Dopri5(), times[0], times[-1], None, start, args=weights,
                                   saveat=diffrax.SaveAt(ts=times), max_steps=4096,
                                   stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol))

    def loss_of(weights):
        if steps:
            end = rk4_scan(lambda z: net(weights, z), z0, steps)
            return jnp.abs(jnp.stack([z0, end], 1) - target).mean()
        if workload.is_flow:
            z, change = solve(weights).ys
            log_normal = -0.5 * (z[-1] ** 2).sum(1) - math.log(2 * math.pi)
            return (change[-1] - log_normal).mean()
        return jnp.abs(jnp.swapaxes(solve(weights).ys, 0, 1) - target).mean()

    gradient = jax.jit(jax.value_and_grad(loss_of))
    forward = jax.jit(loss_of)
    loss, slopes = jax.block_until_ready(gradient(weights))
    first = 1e3 * (time.perf_counter() - cold)
    norm = math.sqrt(sum(float((g**2).sum()) for g in jax.tree_util.tree_leaves(slopes)))
    nfe = 4 * steps if steps else 6 * int(solve(weights).stats["num_steps"]) + 2
    print(json.dumps({"loss": float(loss), "gradient_norm": norm, "forward_ms": timed(lambda: jax.block_until_ready(forward(weights)), seconds),
                      "gradient_ms": timed(lambda: jax.block_until_ready(gradient(weights)), seconds), "first_gradient_ms": first,
                      "nfe_forward": nfe}))


if __name__ == "__main__":
    main()

"""The peers on the same card: diffrax (jit) and torchdiffeq, the workloads of costate_side.cpp, forward and with the gradient of the sum
of all states by z0 and the parameters; matrix products at full precision ("highest") and at the framework's default.

usage: peers_side.py diffrax|torchdiffeq highest|default SECONDS
"""

import json
import sys
import time

import numpy as np


def spread(shape, phase, scale):
    k = np.arange(np.prod(shape), dtype=np.int64)
    return (scale * ((k * 7919 + phase * 104729) % 9973 / 4986.5 - 1)).reshape(shape)


def layers(sizes):
    pairs = enumerate(zip(sizes, sizes[1:]))
    return [(spread((n, m), i, 1 / np.sqrt(m)), spread((n,), i + 17, 0.1)) for i, (m, n) in pairs]


def lotka_volterra_data(batch):
    return spread((batch, 2), 5, 0.5) + 1, spread((batch, 4), 3, 0.2) + np.array([1, 0.5, 0.5, 1])


def timed(work, seconds):
    work()
    samples, begin = [], time.perf_counter()
    while len(samples) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        work()
        samples.append(1e3 * (time.perf_counter() - start))
    return [float(x) for x in np.percentile(samples, [50, 25, 75])]


WORKLOADS = {  # sizes of the net, whether on z³, batch, phase and scale of z0, times
    "spiral_20": ((2, 50, 2), True, 20, 1, 2.0, np.linspace(0, 1, 10)),
    "spiral_4096": ((2, 50, 2), True, 4096, 1, 2.0, np.linspace(0, 1, 10)),
    "mlp128_65536": ((16, 128, 128, 16), False, 65536, 2, 1.0, np.array([0.0, 1.0])),
}


# A continuous normalizing flow in the plane: the state, and the integral of the trace of its Jacobian.
FLOW_SIZES, FLOW_TIMES = (3, 64, 64, 2), np.array([0.0, 1.0])


def diffrax_cases(precision):
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    if precision == "highest":
        jax.config.update("jax_default_matmul_precision", "highest")

    def solver(field, method, times, rtol, atol):
        term, ts = diffrax.ODETerm(field), jnp.asarray(times)
        controller = diffrax.PIDController(rtol=rtol, atol=atol)

        def one(z, args):
            return diffrax.diffeqsolve(term, method, ts[0], ts[-1], None, z, args, stepsize_controller=controller,
                                       saveat=diffrax.SaveAt(ts=ts), max_steps=4096).ys
        return one

    for name, (sizes, cubed, batch, phase, scale, times) in WORKLOADS.items():
        weights = [(jnp.float32(w), jnp.float32(b)) for w, b in layers(sizes)]
        z0 = jnp.float32(spread((batch, sizes[0]), phase, scale))

        def field(t, z, weights, cubed=cubed):
            x = z**3 if cubed else z
            for i, (w, b) in enumerate(weights):
                x = w @ x + b
                x = jnp.tanh(x) if i + 1 < len(weights) else x
            return x
        solve = solver(field, diffrax.Dopri5(), np.float32(times), 1e-4, 1e-6)
        forward = jax.jit(lambda z, w, solve=solve: jax.vmap(solve, (0, None))(z, w))
        gradient = jax.jit(jax.grad(lambda z, w, forward=forward: forward(z, w).sum(), (0, 1)))
        yield (name, lambda f=forward, z=z0, w=weights: jax.block_until_ready(f(z, w)),
               lambda g=gradient, z=z0, w=weights: jax.block_until_ready(g(z, w)))
    weights = [(jnp.float32(w), jnp.float32(b)) for w, b in layers(FLOW_SIZES)]

    def flow(t, z, weights):
        def slope(x):
            x = jnp.append(x, t)
            for i, (w, b) in enumerate(weights):
                x = w @ x + b
                x = jnp.tanh(x) if i + 1 < len(weights) else x
            return x
        return jnp.append(slope(z[:2]), jnp.trace(jax.jacfwd(slope)(z[:2])))
    z0 = jnp.float32(spread((16384, 3), 4, 1.0))
    solve = solver(flow, diffrax.Dopri5(), np.float32(FLOW_TIMES), 1e-4, 1e-6)
    forward = jax.jit(jax.vmap(solve, (0, None)))
    gradient = jax.jit(jax.grad(lambda z, w: forward(z, w).sum(), (0, 1)))
    yield ("cnf2d_16384", lambda f=forward, z=z0, w=weights: jax.block_until_ready(f(z, w)),
           lambda g=gradient, z=z0, w=weights: jax.block_until_ready(g(z, w)))
    z0, p = (jnp.asarray(x) for x in lotka_volterra_data(1_000_000))
    solve = solver(lambda t, z, p: jnp.stack([p[0] * z[0] - p[1] * z[0] * z[1], p[2] * z[0] * z[1] - p[3] * z[1]]),
                   diffrax.Dopri8(), np.array([0.0, 5.0, 10.0]), 1e-6, 1e-8)
    forward = jax.jit(jax.vmap(solve))
    gradient = jax.jit(jax.grad(lambda z, p: forward(z, p).sum(), (0, 1)))
    yield "lotka_volterra_1e6", lambda: jax.block_until_ready(forward(z0, p)), lambda: jax.block_until_ready(gradient(z0, p))


def torchdiffeq_cases(precision):
    import torch
    import torchdiffeq

    torch.backends.cuda.matmul.allow_tf32 = precision == "default"

    def cases(field, z0, parameters, times, **options):
        z = torch.as_tensor(z0, device="cuda").requires_grad_()
        times = torch.as_tensor(times, dtype=z.dtype, device="cuda")

        def forward():
            with torch.no_grad():
                states = torchdiffeq.odeint(field, z, times, **options).transpose(0, 1)
            torch.cuda.synchronize()
            return states

        def gradient():
            found = torch.autograd.grad(torchdiffeq.odeint(field, z, times, **options).sum(), [z, *parameters])
            torch.cuda.synchronize()
            return found
        return forward, gradient

    for name, (sizes, cubed, batch, phase, scale, times) in WORKLOADS.items():
        weights = [[torch.tensor(np.float32(x), device="cuda", requires_grad=True) for x in pair] for pair in layers(sizes)]

        def field(t, z, weights=weights, cubed=cubed):
            x = z**3 if cubed else z
            for i, (w, b) in enumerate(weights):
                x = torch.addmm(b, x, w.T)
                x = torch.tanh(x) if i + 1 < len(weights) else x
            return x
        z0 = np.float32(spread((batch, sizes[0]), phase, scale))
        yield name, *cases(field, z0, [x for pair in weights for x in pair], times, method="dopri5", rtol=1e-4, atol=1e-6)
    z0, p = lotka_volterra_data(1_000_000)
    p = torch.as_tensor(p, device="cuda").requires_grad_()

    def prey(t, z):
        x, y = z[:, 0], z[:, 1]
        return torch.stack([p[:, 0] * x - p[:, 1] * x * y, p[:, 2] * x * y - p[:, 3] * y], 1)
    yield "lotka_volterra_1e6", *cases(prey, z0, [p], [0.0, 5.0, 10.0], method="dopri8", rtol=1e-6, atol=1e-8)


def latent_ode_step():
    """A training step of the latent ODE of costate_side.cpp with torchdiffeq: loss, gradient and a step of Adam, all on the card."""
    import torch
    import torchdiffeq

    batch, count = 200, 100
    kind = {"dtype": torch.float32, "device": "cuda"}
    times, x = torch.linspace(0, 2, count, **kind), torch.as_tensor(spread((batch, count, 2), 6, 1), **kind)
    noise, gaps = torch.as_tensor(spread((batch, 4), 7, 1), **kind), torch.full((batch, 1), 2 / (count - 1), **kind)

    def net(*sizes):
        layers = [layer for pair in zip(sizes, sizes[1:]) for layer in (torch.nn.Linear(*pair), torch.nn.Tanh())]
        return torch.nn.Sequential(*layers[:-1]).cuda()

    cell, head, field, decoder = torch.nn.RNNCell(3, 25).cuda(), net(25, 8), net(4, 20, 20, 4), net(4, 20, 2)
    adam = torch.optim.Adam([p for part in (cell, head, field, decoder) for p in part.parameters()], lr=0.001)

    def step():
        adam.zero_grad()
        state = torch.zeros(batch, 25, **kind)
        for i in reversed(range(count)):
            state = cell(torch.cat([x[:, i], gaps], 1), state)
        mean, log_variance = head(state).chunk(2, 1)
        start = mean + noise * (0.5 * log_variance).exp()
        path = torchdiffeq.odeint(lambda t, z: field(z), start, times, method="dopri5", rtol=1e-3, atol=1e-4)
        fit = ((decoder(path).transpose(0, 1) - x) / 0.3).square().sum((1, 2)) / 2
        (fit + 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)).mean().backward()
        adam.step()
        torch.cuda.synchronize()
    return step


def main():
    peer, precision, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    for name, forward, gradient in {"diffrax": diffrax_cases, "torchdiffeq": torchdiffeq_cases}[peer](precision):
        answer = {"workload": name, "peer": peer, "precision": precision}
        try:
            answer["sum"] = float(forward().sum())
            answer["gradient"] = float(gradient()[0].sum())
            answer["forward_ms"], answer["gradient_ms"] = timed(forward, seconds), timed(gradient, seconds)
        except Exception as error:  # a peer that runs out of memory leaves the rest of the table
            answer["error"] = f"{type(error).__name__}: {error}"[:300]
        print(json.dumps(answer), flush=True)
    if peer == "torchdiffeq":
        print(json.dumps({"workload": "latent_ode_200", "peer": peer, "precision": precision, "step_ms": timed(latent_ode_step(), seconds)}), flush=True)


if __name__ == "__main__":
    main()

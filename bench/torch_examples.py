#!/usr/bin/env python3
"""Three programs as those that torchdiffeq ships, run with it and with costate.torchdiffeq: time in the solves and their gradients, and in all.

Written anew from what they do: a spiral from short pieces (ode_demo.py), a latent ODE behind a recurrent encoder (latent_ode.py), and a flow whose
weights are functions of time (cnf.py, by odeint_adjoint). What is not in the solves stays PyTorch's, and bounds what a faster solver gains.

usage: taskset -c 1 .venv-bench/bin/python bench/torch_examples.py [STEPS]   (of training; 20 by default)
"""

import sys
import time

import torch
import torchdiffeq

import costate.torch
import costate.torchdiffeq

torch.set_num_threads(1)
nn = torch.nn


class Clock:
    """Time in solves, and in the backward passes that go through them: between the gradients of their results and of what they start from."""

    def __init__(self):
        self.solving = self.entered = 0.0

    def solver(self, solve):
        def timed(func, y0, *arguments, **options):
            parts = y0 if isinstance(y0, tuple) else (y0,)
            marked = tuple(_Mark.apply(self, False, part) if part.requires_grad else part for part in parts)
            begin = time.perf_counter()
            found = solve(func, marked if isinstance(y0, tuple) else marked[0], *arguments, **options)
            self.solving += time.perf_counter() - begin
            if isinstance(found, tuple):
                return tuple(_Mark.apply(self, True, part) if part.requires_grad else part for part in found)
            return _Mark.apply(self, True, found) if found.requires_grad else found
        return timed

    def close(self):
        """After a backward pass, where no gradient left a solve by its start."""
        if self.entered:
            self.solving += time.perf_counter() - self.entered
            self.entered = 0.0


class _Mark(torch.autograd.Function):
    @staticmethod
    def forward(ctx, clock, enters, x):
        ctx.clock, ctx.enters = clock, enters
        return x.view_as(x)

    @staticmethod
    def backward(ctx, cotangent):
        if ctx.enters:
            ctx.clock.entered = ctx.clock.entered or time.perf_counter()
        else:
            ctx.clock.close()
        return None, None, cotangent


class Cubic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 50), nn.Tanh(), nn.Linear(50, 2))
        for layer in (self.net[0], self.net[2]):
            nn.init.normal_(layer.weight, std=0.1)
            nn.init.zeros_(layer.bias)

    def forward(self, t, y):
        return self.net(y**3)


class Spiral:
    """Batches of 20 pieces of 10 times of a cubic spiral of 1000 times."""

    def __init__(self, library, clock):
        self.solve = clock.solver(library.odeint)
        self.times = torch.linspace(0, 25, 1000)
        turn = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
        with torch.no_grad():
            self.path = library.odeint(lambda t, y: (y**3) @ turn, torch.tensor([[2.0, 0.0]]), self.times)
        self.field = Cubic()
        self.optimizer = torch.optim.RMSprop(self.field.parameters(), lr=1e-3)

    def loss(self):
        starts = torch.randint(0, 990, (20,))
        wanted = torch.stack([self.path[starts + i] for i in range(10)])
        return (self.solve(self.field, self.path[starts], self.times[:10]) - wanted).abs().mean()


class Latent(nn.Module):
    def __init__(self):
        super().__init__()
        self.net, self.nfe = nn.Sequential(nn.Linear(4, 20), nn.ELU(), nn.Linear(20, 20), nn.ELU(), nn.Linear(20, 4)), 0

    def forward(self, t, z):
        self.nfe += 1
        return self.net(z)


class LatentOde:
    """A variational model of 200 noisy spirals of 100 times: a recurrent net that goes backwards, a solve from its end, a decoder."""

    def __init__(self, library, clock):
        self.solve = clock.solver(library.odeint)
        self.times = torch.linspace(0, 2, 100)
        angle, radius = 6 * self.times, 0.5 + 0.3 * self.times
        turned = angle + 6.28 * torch.rand(200, 1)
        self.data = torch.stack([radius * torch.cos(turned), radius * torch.sin(turned)], dim=-1) + 0.1 * torch.randn(200, 100, 2)
        self.field, self.step = Latent(), nn.Linear(2 + 25, 25)
        self.head, self.decoder = nn.Linear(25, 8), nn.Sequential(nn.Linear(4, 20), nn.ReLU(), nn.Linear(20, 2))
        parts = nn.ModuleList([self.field, self.step, self.head, self.decoder])
        self.optimizer = torch.optim.Adam(parts.parameters(), lr=0.01)

    def loss(self):
        state = torch.zeros(200, 25)
        for i in reversed(range(100)):
            state = torch.tanh(self.step(torch.cat([self.data[:, i], state], dim=1)))
        mean, logvar = self.head(state).chunk(2, dim=1)
        start = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
        found = self.decoder(self.solve(self.field, start, self.times).permute(1, 0, 2))
        fit = ((found - self.data) / 0.3).square().sum(dim=(1, 2)) / 2
        return (fit + 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(dim=1)).mean()


class HyperFlow(nn.Module):
    """64 units whose weights a net makes of the time."""

    def __init__(self):
        super().__init__()
        self.hyper = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 64 * 7))

    def forward(self, t, state):
        with torch.set_grad_enabled(True):
            z = state[0].requires_grad_(True)
            made = self.hyper(t.reshape(1, 1)).reshape(-1)
            w, b, u = made[:128].reshape(64, 2, 1), made[128:192].reshape(64, 1, 1), made[192:320].reshape(64, 1, 2)
            u = u * torch.sigmoid(made[320:448].reshape(64, 1, 2))
            hidden = torch.tanh(torch.matmul(z.unsqueeze(0).repeat(64, 1, 1), w) + b)
            slope = torch.matmul(hidden, u).mean(dim=0)
            trace = sum(torch.autograd.grad(slope[:, i].sum(), z, create_graph=True)[0].contiguous()[:, i].contiguous() for i in range(2))
        return slope, -trace.view(len(z), 1)


class Cnf:
    """A flow from two circles to a normal density, 512 points, backwards in time."""

    def __init__(self, library, clock):
        self.solve = clock.solver(library.odeint_adjoint)
        self.field = HyperFlow()
        self.optimizer = torch.optim.Adam(self.field.parameters(), lr=1e-3)

    def loss(self):
        angle = 6.28 * torch.rand(512)
        radius = torch.where(torch.rand(512) < 0.5, 1.0, 0.5) + 0.05 * torch.randn(512)
        points = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)
        z, change = self.solve(self.field, (points, torch.zeros(512, 1)), torch.tensor([10.0, 0.0]), atol=1e-5, rtol=1e-5, method="dopri5")
        return (0.5 * z[-1].square().sum(dim=1) + 1.8379 + change[-1][:, 0]).mean()


def trained(make, library, steps):
    """(losses, seconds in solves a step, seconds in all a step); one step before them is not counted."""
    torch.manual_seed(0)
    clock = Clock()
    program = make(library, clock)
    losses = []
    for i in range(steps + 1):
        if i == 1:
            clock.solving, begin = 0.0, time.perf_counter()
        program.optimizer.zero_grad()
        loss = program.loss()
        loss.backward()
        clock.close()
        program.optimizer.step()
        losses.append(loss.item())
    return losses, clock.solving / steps, (time.perf_counter() - begin) / steps


def main():
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print("| program | solves: torchdiffeq, ms | costate.torchdiffeq | faster by | whole steps: torchdiffeq, ms | costate.torchdiffeq | bound by the rest |\n"
          "|---|---|---|---|---|---|---|")
    for name, make in (("spiral", Spiral), ("latent ODE", LatentOde), ("flow", Cnf)):
        theirs, ours = (trained(make, library, steps) for library in (torchdiffeq, costate.torchdiffeq))
        off = max(abs(a - b) / (1e-3 + abs(a)) for a, b in zip(theirs[0][:3], ours[0][:3]))
        if off > 1e-2:
            sys.exit(f"torch_examples: {name}: losses {theirs[0][:3]} and {ours[0][:3]}")
        rest = theirs[2] - theirs[1]
        print(f"| {name} | {1e3 * theirs[1]:.2f} | {1e3 * ours[1]:.2f} | {theirs[1] / ours[1]:.1f} | {1e3 * theirs[2]:.2f} | {1e3 * ours[2]:.2f} | "
              f"{theirs[2] / rest:.1f} |", flush=True)


if __name__ == "__main__":
    main()

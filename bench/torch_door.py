#!/usr/bin/env python3
"""costate.torchdiffeq and costate.torch beside torchdiffeq: the same fields of PyTorch, forward and gradient, autograd and Python included.

Answers must agree before anything is timed. Prints a Markdown table; times are in milliseconds, the least and the median.

usage: taskset -c 1 .venv-bench/bin/python bench/torch_door.py [SECONDS]   (with costate and torchdiffeq to be imported; a second each by default)
"""

import math
import sys
import time

import torch
import torchdiffeq

import costate.torch
import costate.torchdiffeq

torch.set_num_threads(1)
LOSS, GRADIENT = 1e-3, 1e-2  # differences that tolerances allow, relative


class Net(torch.nn.Module):
    """y' = net(y), or net(y³)."""

    def __init__(self, *sizes, is_cubed=False):
        super().__init__()
        layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (torch.nn.Linear(a, b), torch.nn.Tanh())]
        self.net, self.is_cubed = torch.nn.Sequential(*layers[:-1]), is_cubed

    def forward(self, t, y):
        return self.net(y**3 if self.is_cubed else y)


class Flow(Net):
    """A flow of two numbers with the exact trace of its Jacobian, by torch.autograd.grad."""

    def forward(self, t, state):
        with torch.enable_grad():
            y = state[0].requires_grad_(True)
            slope = self.net(torch.cat([y, t.expand(len(y), 1)], dim=1))
            trace = sum(torch.autograd.grad(slope[:, i].sum(), y, create_graph=True)[0][:, i] for i in range(2))
        return slope, -trace[:, None]


def end_loss(states):
    return states[-1].square().mean()


def flow_loss(states):
    y, change = states
    return (change[-1][:, 0] + 0.5 * y[-1].square().sum(dim=1)).mean()


ROWS = {  # field, start, times, arguments of odeint, loss
    "spiral: 2-50-2 on y³, batch 20, 10 times, dopri5 1e-4/1e-6":
        (lambda: Net(2, 50, 2, is_cubed=True), lambda: torch.randn(20, 2), torch.linspace(0, 1, 10), {"rtol": 1e-4, "atol": 1e-6}, end_loss),
    "16-128-128-16, batch 512, dopri5 1e-4":
        (lambda: Net(16, 128, 128, 16), lambda: torch.randn(512, 16), torch.linspace(0, 1, 2), {"rtol": 1e-4, "atol": 1e-4}, end_loss),
    "the same net, 20 steps of rk4 (equal evaluations)":
        (lambda: Net(16, 128, 128, 16), lambda: torch.randn(512, 16), torch.linspace(0, 1, 2), {"method": "rk4", "options": {"step_size": 0.05}}, end_loss),
    "cnf2d: 3-64-64-64-2 with exact trace, batch 512, dopri5 1e-5":
        (lambda: Flow(3, 64, 64, 64, 2), lambda: (torch.randn(512, 2), torch.zeros(512, 1)), torch.linspace(0, 1, 2), {"rtol": 1e-5, "atol": 1e-5}, flow_loss),
}
SIDES = {"torchdiffeq": torchdiffeq.odeint, "costate.torchdiffeq": costate.torchdiffeq.odeint, "costate.torch": costate.torch.odeint}


def timed(work, seconds):
    """Milliseconds of a call, the least and the median of at least five."""
    work()
    found, begin = [], time.perf_counter()
    while len(found) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        work()
        found.append(1e3 * (time.perf_counter() - start))
    found.sort()
    return found[0], found[len(found) // 2]


def gradient_of(solve, field, y0, t, arguments, loss_of):
    """A call that makes the gradient anew, and gives the loss."""
    def work():
        for parameter in field.parameters():
            parameter.grad = None
        loss = loss_of(solve(field, y0, t, **arguments))
        loss.backward()
        return loss
    return work


def row(name, seconds):
    make, start, t, arguments, loss_of = ROWS[name]
    torch.manual_seed(0)
    field, y0 = make(), start()
    works, answers, firsts = {}, {}, {}
    for side, solve in SIDES.items():
        works[side] = gradient_of(solve, field, y0, t, arguments, loss_of)
        begin = time.perf_counter()
        loss = works[side]().item()
        firsts[side] = 1e3 * (time.perf_counter() - begin)
        answers[side] = loss, math.sqrt(sum(p.grad.square().sum().item() for p in field.parameters()))
    expected = answers["torchdiffeq"]
    for side, found in answers.items():
        for what, a, b, allowed in zip(("loss", "gradient's norm"), found, expected, (LOSS, GRADIENT)):
            if abs(a - b) > allowed * abs(b):
                sys.exit(f"torch_door: {name}: the {what} of {side} is {a:.6g}, of torchdiffeq {b:.6g}")
    times = {side: timed(work, seconds) for side, work in works.items()}
    cells = [f"{least:.3f}, {median:.3f}" for least, median in times.values()]
    ratios = [f"{times['torchdiffeq'][1] / times[side][1]:.1f}" for side in list(SIDES)[1:]]
    return f"| {name} | {' | '.join(cells)} | {' and '.join(ratios)} | {firsts['costate.torchdiffeq']:.0f} |"


class Empty(torch.autograd.Function):
    """Does nothing with as many tensors as the spiral's solve has."""

    @staticmethod
    def forward(ctx, *tensors):
        ctx.save_for_backward(*tensors)
        return tensors[0].new_zeros((10, *tensors[0].shape))

    @staticmethod
    def backward(ctx, cotangent):
        return tuple(torch.zeros_like(x) if x.requires_grad else None for x in ctx.saved_tensors)


def empty(seconds):
    field, y0, t = Net(2, 50, 2), torch.randn(20, 2), torch.linspace(0, 1, 10)
    return timed(gradient_of(lambda *_, **__: Empty.apply(y0, t, *field.parameters()), field, y0, t, {}, end_loss), seconds)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print("| | torchdiffeq | costate.torchdiffeq | costate.torch | faster by | first gradient |\n|---|---|---|---|---|---|")
    for name in ROWS:
        print(row(name, seconds), flush=True)
    least, median = empty(seconds)
    print(f"\nAn empty torch.autograd.Function in the spiral's place: {least:.3f}, {median:.3f}.")


if __name__ == "__main__":
    main()

"""torchsde's side: Euler and Maruyama on a BrownianInterval, and the gradient through its steps.
usage: torchsde_side.py BATCH STEPS WIDTH SECONDS
"""

import json
import sys

import numpy as np
import torch
import torchsde
from side import timed

torch.set_num_threads(1)


class Sde(torch.nn.Module):
    noise_type, sde_type = "diagonal", "ito"

    def __init__(self, width):
        super().__init__()
        sizes = [4, width, width, 4] if width else []
        numbers = [np.sin(0.37 * np.arange(m * n)).reshape(m, n) / np.sqrt(n) for n, m in zip(sizes, sizes[1:])]
        self.weights = torch.nn.ParameterList([torch.tensor(w, dtype=torch.float32) for w in numbers])

    def f(self, t, z):
        if not len(self.weights):
            return -z
        first, second, third = self.weights
        return torch.tanh(torch.tanh(z @ first.T) @ second.T) @ third.T

    def g(self, t, z):
        return 0.2 * (1 + 0.1 * z)


def main():
    batch, steps, width, seconds = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    sde = Sde(width)
    z0 = torch.tensor(np.cos(0.1 * np.arange(batch * 4)).reshape(batch, 4), dtype=torch.float32)
    times = torch.tensor([0.0, 1.0])

    def loss(start):
        return torchsde.sdeint(sde, start, times, method="euler", dt=1 / steps)[-1].square().sum()

    def forward():
        with torch.no_grad():
            return loss(z0)

    def gradient():
        start = z0.clone().requires_grad_()
        return torch.autograd.grad(loss(start), [start, *sde.weights])

    print(json.dumps({"loss": float(forward()) / batch, "forward": timed(forward, seconds), "gradient": timed(gradient, seconds)}))


if __name__ == "__main__":
    main()

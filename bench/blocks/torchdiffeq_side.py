"""torchdiffeq's side: the ODE block of an ODE-Net on feature maps, ODEfunc of the authors' odenet_mnist.py; forward, with the gradient
of the loss by the field's parameters, and the memory that this takes, by backpropagation through the solver or by its adjoint, at a
tolerance of 1e-3; loss and gradient at 1e-5, where they are to agree.

usage: torchdiffeq_side.py DATA.npz SECONDS THREADS odeint|odeint_adjoint
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
import torchdiffeq
from side import timed


class ConcatConv2d(torch.nn.Conv2d):
    def forward(self, t, x):
        return super().forward(torch.cat([torch.ones_like(x[:, :1]) * t, x], 1))


class Field(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        groups = min(32, channels)
        self.norm1, self.conv1 = torch.nn.GroupNorm(groups, channels), ConcatConv2d(channels + 1, channels, 3, 1, 1)
        self.norm2, self.conv2 = torch.nn.GroupNorm(groups, channels), ConcatConv2d(channels + 1, channels, 3, 1, 1)
        self.norm3 = torch.nn.GroupNorm(groups, channels)
        self.nfe = 0

    def forward(self, t, x):
        self.nfe += 1
        x = self.conv1(t, torch.relu(self.norm1(x)))
        return self.norm3(self.conv2(t, torch.relu(self.norm2(x))))


def bytes_of(key):
    """A size that the kernel tells of this process."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return 1024 * int(line.split()[1])
    return math.nan


def peak_memory(work):
    """The most bytes that the work held beyond what the process held before."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    before = bytes_of("VmRSS:")
    work()
    return bytes_of("VmHWM:") - before


def main():
    path, seconds, threads, solver = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), getattr(torchdiffeq, sys.argv[4])
    torch.set_num_threads(threads)
    data = dict(np.load(path))
    z0, target = torch.from_numpy(data["z0"]), torch.from_numpy(data["target"])
    func = Field(z0.shape[1])
    with torch.no_grad():
        for i, parameter in enumerate(func.parameters()):
            parameter.copy_(torch.from_numpy(data[f"p{i}"]))

    def loss_of(count, tolerance=1e-3):
        end = solver(func, z0[:count], torch.tensor([0.0, 1.0]), method="dopri5", rtol=tolerance, atol=tolerance)[-1]
        return (end - target[:count]).abs().mean()

    def gradient(count=len(z0), tolerance=1e-3):
        func.zero_grad()
        loss = loss_of(count, tolerance)
        loss.backward()
        return loss.item()

    def forward():
        with torch.no_grad():
            loss_of(len(z0))

    gradient(1)  # so that what is allocated once does not count as a gradient's memory
    func.nfe = 0
    forward()
    nfe = func.nfe
    megabytes = peak_memory(gradient) / 1e6
    loss = gradient(tolerance=1e-5)
    norm = math.sqrt(sum((p.grad**2).sum().item() for p in func.parameters()))
    print(json.dumps({"loss": loss, "gradient_norm": norm, "nfe_forward": nfe, "mb": megabytes, "forward_ms": timed(forward, seconds),
                      "gradient_ms": timed(gradient, seconds)}))


if __name__ == "__main__":
    main()

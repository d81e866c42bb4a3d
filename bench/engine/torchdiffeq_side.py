"""torchdiffeq's side: one workload, forward and gradient, by backpropagation through the solver and by its adjoint.

usage: torchdiffeq_side.py DATA_DIR NAME SECONDS
"""

import json
import math
import sys
import time

import numpy as np
import torch
from torchdiffeq import odeint, odeint_adjoint
from side import timed
from workloads import WORKLOADS

torch.set_num_threads(1)


class Net(torch.nn.Module):
    def __init__(self, data, cubed):
        super().__init__()
        self.cubed = cubed
        self.nfe = 0
        depth = sum(key.startswith("w") for key in data)
        self.layers = torch.nn.ModuleList()
        for i in range(depth):
            layer = torch.nn.Linear(data[f"w{i}"].shape[1], data[f"w{i}"].shape[0])
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(data[f"w{i}"]))
                layer.bias.copy_(torch.from_numpy(data[f"b{i}"]))
            self.layers.append(layer)

    def net(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x)

    def forward(self, t, z):
        self.nfe += 1
        return self.net(z**3 if self.cubed else z)


class Flow(Net):
    def forward(self, t, state):
        self.nfe += 1
        z = state[0]
        with torch.enable_grad():
            z = z.requires_grad_(True)
            slope = self.net(torch.cat([z, t.expand(len(z), 1)], 1))
            trace = sum(torch.autograd.grad(slope[:, i].sum(), z, create_graph=True)[0][:, i] for i in range(2))
        return slope, -trace[:, None]


def options_of(workload):
    if workload.steps:
        return {"method": "rk4", "options": {"step_size": workload.end / workload.steps}}
    rtol, atol = workload.tolerances
    return {"method": "dopri5", "rtol": rtol, "atol": atol}


def main():
    folder, name, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    cold = time.perf_counter()
    data = dict(np.load(f"{folder}/{name}.npz"))
    workload = WORKLOADS[name]
    options = options_of(workload)
    func = Flow(data, False) if workload.is_flow else Net(data, workload.is_cubed)
    z0, target = torch.from_numpy(data["z0"]), torch.from_numpy(data["target"])
    times = torch.from_numpy(data["times"]).float()

    def loss_of(solver):
        if workload.is_flow:
            z, change = solver(func, (z0, torch.zeros(len(z0), 1)), times, **options)
            log_normal = -0.5 * (z[-1] ** 2).sum(1) - math.log(2 * math.pi)
            return (change[-1][:, 0] - log_normal).mean()
        return (solver(func, z0, times, **options).transpose(0, 1) - target).abs().mean()

    def gradient(solver):
        func.zero_grad()
        loss = loss_of(solver)
        loss.backward()
        return loss

    loss = gradient(odeint)
    first = 1e3 * (time.perf_counter() - cold)
    norm = math.sqrt(sum((p.grad**2).sum().item() for p in func.parameters()))
    func.nfe = 0
    with torch.no_grad():
        loss_of(odeint)
    nfe = func.nfe

    def forward():
        with torch.no_grad():
            loss_of(odeint)

    print(json.dumps({"loss": loss.item(), "gradient_norm": norm, "forward_ms": timed(forward, seconds),
                      "gradient_ms": timed(lambda: gradient(odeint), seconds),
                      "adjoint_ms": timed(lambda: gradient(odeint_adjoint), seconds),
                      "first_gradient_ms": first, "nfe_forward": nfe}))


if __name__ == "__main__":
    main()

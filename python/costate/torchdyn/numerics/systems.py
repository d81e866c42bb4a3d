"""Fields of well-known systems, of states [batch, dimension]."""

import torch

from costate.torchdyn._absent import attributes

__getattr__ = attributes(__name__, ("Lorenz", "VanDerPol"))


class Lorenz(torch.nn.Module):
    """Lorenz's system of 1963: sigma = 10, rho = 28, beta = 8 / 3."""

    def forward(self, t, x, **_):
        a, b, c = x[..., :1], x[..., 1:2], x[..., 2:]
        return torch.cat([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], dim=-1)


class VanDerPol(torch.nn.Module):
    """Van der Pol's oscillator as a system of first order; stiff where alpha is large."""

    def __init__(self, alpha=10):
        super().__init__()
        self.alpha, self.nfe = alpha, 0

    def forward(self, t, x, **_):
        self.nfe += 1
        y, v = x[..., :1], x[..., 1:2]
        return torch.cat([v, self.alpha * (1 - y * y) * v - y], dim=-1)

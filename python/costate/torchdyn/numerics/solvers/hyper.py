"""Hypersolvers: steps of a method of order p, and dt^(p + 1) times what a net tells of their error.

Poli et al., Hypersolvers: Toward Fast Continuous-Depth Models (2020), arXiv:2007.09601.
"""

import torch

from costate.torchdyn.numerics.solvers._ode import Euler, Midpoint, RungeKutta4


class _Corrected:
    """Before a method, among the bases: hypernet(t, x) has the shape of x; its parameters are the solver's."""

    def __init__(self, hypernet, dtype=torch.float32):
        super().__init__(dtype)
        if not callable(hypernet):
            raise TypeError(f"[{type(self).__name__}] hypernet must be callable, hypernet(t, x); got {type(hypernet).__name__}.")
        self.hypernet = hypernet

    def step(self, f, x, t, dt, k1=None, args=None):
        _, x_next, _ = super().step(f, x, t, dt, k1, args)
        return None, x_next + dt ** (self.order + 1) * self.hypernet(t, x), None


class HyperEuler(_Corrected, Euler):
    """Euler's steps, corrected."""


class HyperMidpoint(_Corrected, Midpoint):
    """Steps of the midpoint rule, corrected."""


class HyperRungeKutta4(_Corrected, RungeKutta4):
    """Steps of RungeKutta4, corrected."""

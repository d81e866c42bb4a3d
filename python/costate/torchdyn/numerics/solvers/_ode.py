"""Solvers as objects: methods of the core, and steps of one's own.

odeint gives a method of the core to the core. A class that has a `step` of its own is asked for the state at one time of t_span after the other.
"""

import torch

from costate.torch._callbacks import Solve
from costate.torch._runge_kutta import Step, tableau


class Solver(torch.nn.Module):
    """A method: an argument of odeint and NeuralODE in the place of its name. Subclasses have `method`, the core's name, or a `step` of their own."""

    method = None
    order = 1
    stepping_class = "fixed"

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.dtype = dtype

    def sync_device_dtype(self, x, t_span):
        return x, t_span

    def step(self, f, x, t, dt, k1=None, args=None):
        """(f at the end or None, the state at t + dt, an estimate of its error or None); k1 is f(t, x) if it is known."""
        raise NotImplementedError(f"[{type(self).__name__}] step(f, x, t, dt, k1, args) must be defined: a step from x at t by dt.")


class DiffEqSolver(Solver):
    """torchdyn's base of solvers with a `step` of their own; the numbers of step-size control are taken, and change nothing."""

    def __init__(self, order, stepping_class="fixed", min_factor=0.2, max_factor=10, safety=0.9):
        super().__init__()
        self.order, self.stepping_class, self.tableau = order, stepping_class, None


SolverTemplate = DiffEqSolver  # the name that torchdyn has beside it


class _RungeKutta(Solver):
    def __init__(self, dtype=torch.float32):
        super().__init__(dtype)
        self.order = tableau(self.method).order

    def step(self, f, x, t, dt, k1=None, args=None):
        field = lambda t, x, side=None: f(t, x)  # noqa: E731
        step = Step(tableau(self.method), t, dt, t + dt, x, f(t, x) if k1 is None else k1)
        step.evaluate(field, None)
        if self.stepping_class == "fixed":
            return None, step.y_next, None
        step.close(field, None)
        return step.slopes[-1], step.y_next, step.errors()[0], tuple(step.slopes)


class Euler(_RungeKutta):
    method = "euler"


class Midpoint(_RungeKutta):
    method = "midpoint"


class RungeKutta4(_RungeKutta):
    """The 3/8 rule, as "rk4" is."""

    method = "rk4"


class DormandPrince45(_RungeKutta):
    method, stepping_class = "dopri5", "adaptive"


class Tsitouras45(_RungeKutta):
    method, stepping_class = "tsit5", "adaptive"


class ImplicitEuler(Solver):
    method = "implicit_euler"

    def step(self, f, x, t, dt, k1=None, args=None):
        times = torch.stack([torch.as_tensor(t, dtype=torch.float64), torch.as_tensor(t + dt, dtype=torch.float64)])
        return None, Solve(f, x, times, method=self.method).run()[-1], None


class AsynchronousLeapfrog(Solver):
    """Steps of a state and its slope side by side, [x, v] along an axis; f is of x alone, and f(t, x) is where v should begin.

    Mutze, An asynchronous leap-frog method (2013), arXiv:1311.6602.
    """

    order = 2

    def __init__(self, channel_index=-1, stepping_class="fixed", dtype=torch.float32):
        super().__init__(dtype)
        if stepping_class != "fixed":
            raise NotImplementedError(f"[AsynchronousLeapfrog] stepping_class must be 'fixed'; got {stepping_class!r}.")
        self.channel_index = channel_index

    def step(self, f, x, t, dt, k1=None, args=None):
        place, v = x.chunk(2, dim=self.channel_index)
        middle = place + dt / 2 * v
        v = 2 * f(t + dt / 2, middle) - v
        return None, torch.cat([middle + dt / 2 * v, v], dim=self.channel_index), None

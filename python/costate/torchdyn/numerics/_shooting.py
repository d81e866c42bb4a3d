"""Multiple shooting: states at all times at once, corrected until each is where the flow from the one before ends.

Massaroli et al., Differentiable Multiple Shooting Layers (2021), arXiv:2106.03885; parareal: Lions, Maday, Turinici (2001).
"""

import torch

from costate._names import nearest
from costate.torchdyn.numerics._solve import odeint, str_to_solver


class MultipleShootingDiffeqSolver(torch.nn.Module):
    """How all intervals are corrected at once, by `root_solve`. coarse_method and fine_method: names of solvers, or Solvers, whose steps are taken."""

    def __init__(self, coarse_method="euler", fine_method="rk4"):
        super().__init__()
        self.coarse_method, self.fine_method = (str_to_solver(m) if isinstance(m, str) else m for m in (coarse_method, fine_method))

    def root_solve(self, odeint_func, f, x, t_span, B, fine_steps, maxiter):
        """The states [time, …] after `maxiter` corrections of the guess B; odeint_func(f, x, t_span, solver) is odeint."""
        raise NotImplementedError(f"[{type(self).__name__}] root_solve(odeint_func, f, x, t_span, B, fine_steps, maxiter) must be defined: the states.")

    def flow(self, f, x, t_span, fine_steps):
        times = torch.as_tensor(t_span).to(x).reshape(-1, *[1] * x.dim())
        return _Flow(f, times[:-1], times[1:] - times[:-1], (self.coarse_method, self.fine_method), fine_steps)


class MSZero(MultipleShootingDiffeqSolver):
    """Parareal: a correction moves along the coarse steps."""

    def root_solve(self, odeint_func, f, x, t_span, B, fine_steps, maxiter):
        flow, states = self.flow(f, x, t_span, fine_steps), torch.cat([x[None], B[1:]])
        for _ in range(maxiter):
            states = flow.parareal(x, states)
        return states


class MSBackward(MultipleShootingDiffeqSolver):
    """Newton's method: a correction moves along the derivative of the fine flow."""

    def root_solve(self, odeint_func, f, x, t_span, B, fine_steps, maxiter):
        flow, states = self.flow(f, x, t_span, fine_steps), torch.cat([x[None], B[1:]])
        for _ in range(maxiter):
            states = flow.newton(x, states)
        return states


class ParallelImplicitEuler(MultipleShootingDiffeqSolver):
    """The implicit Euler method's states at the times, at which torchdyn's corrections of all at once would end."""

    def root_solve(self, odeint_func, f, x, t_span, B, fine_steps, maxiter):
        return odeint_func(f, x, t_span, "implicit_euler")[1]


# By torchdyn's names.
MS_SOLVER_DICT = {"mszero": MSZero, "zero": MSZero, "parareal": MSZero, "msbackward": MSBackward, "backward": MSBackward, "discrete-adjoint": MSBackward,
                  "ieuler": ParallelImplicitEuler, "parallel-implicit-euler": ParallelImplicitEuler}


def str_to_ms_solver(solver_name):
    """A solver of odeint_mshooting by one of torchdyn's names. ValueError, with the nearest one, for a name that there is not."""
    if solver_name not in MS_SOLVER_DICT:
        near = nearest(str(solver_name), MS_SOLVER_DICT)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"[odeint_mshooting] solver must be one of {', '.join(MS_SOLVER_DICT)}, or an object of such a class; got {solver_name!r}.{hint}")
    return MS_SOLVER_DICT[solver_name]()


def shooting_solver_of(solver):
    return solver if hasattr(solver, "root_solve") else str_to_ms_solver(solver)


def odeint_mshooting(f, x, t_span, solver, B0=None, fine_steps=2, maxiter=4):
    """(times, states [time, …]) of x' = f(t, x), by `maxiter` corrections of all intervals at once.

    solver      'parareal' ('zero', 'mszero') or MSZero(); 'backward' ('msbackward', 'discrete-adjoint') or MSBackward(); 'ieuler'
                ('parallel-implicit-euler') or ParallelImplicitEuler(); or one with a root_solve of its own.
    B0          the first guess [time, …]; by default that of the coarse method, Euler's.
    fine_steps  of the fine method, rk4, in each interval.

    Intervals side by side are one batch: f is called with t [row, 1, …] and x [row, …], where a row is a sample in an interval. After as many
    corrections as there are intervals the states are those of the fine steps one after the other.
    """
    found = shooting_solver_of(solver)
    if len(t_span) < 2:
        raise ValueError(f"[odeint_mshooting] t_span must have at least two times; got {len(t_span)}.")
    if fine_steps < 1:
        raise ValueError(f"[odeint_mshooting] fine_steps must be from 1 on; got {fine_steps}.")
    guess = found.flow(f, x, t_span, fine_steps).coarse_path(x) if B0 is None else torch.as_tensor(B0).to(x)
    return t_span, found.root_solve(odeint, f, x, t_span, guess, fine_steps, maxiter)


class _Flow:
    """The flow of a field over intervals; states are [interval, …]."""

    def __init__(self, f, starts, sizes, methods, fine_steps):
        self.f, self.starts, self.sizes, self.methods, self.fine_steps = f, starts, sizes, methods, fine_steps

    def _slope(self, t, x):
        """The field at states [interval, …] and times [interval, 1, …]."""
        if x.dim() < 3:
            return self.f(t, x)
        return self.f(t.expand(*x.shape[:2], *t.shape[2:]).flatten(0, 1), x.flatten(0, 1)).reshape(x.shape)

    def _coarse_steps(self, start, size, x):
        return self.methods[0].step(self._slope, x, start, size)[1]

    def coarse(self, n, x):
        """The coarse step over the n-th interval, of a state."""
        return self._coarse_steps(self.starts[n:n + 1], self.sizes[n:n + 1], x[None])[0]

    def coarse_path(self, x):
        states = [x]
        for n in range(len(self.starts)):
            states.append(self.coarse(n, states[-1]))
        return torch.stack(states)

    def fine(self, x):
        """Steps of the fine method over all intervals."""
        h = self.sizes / self.fine_steps
        for m in range(self.fine_steps):
            x = self.methods[1].step(self._slope, x, self.starts + m * h, h)[1]
        return x

    def parareal(self, x, states):
        """x_{n+1} = coarse(new x_n) + fine(old x_n) - coarse(old x_n)."""
        ends = self.fine(states[:-1]) - self._coarse_steps(self.starts, self.sizes, states[:-1])
        found = [x]
        for n in range(len(self.starts)):
            found.append(ends[n] + self.coarse(n, found[-1]))
        return torch.stack(found)

    def newton(self, x, states):
        """x_{n+1} = fine(old x_n) + (derivative of fine there) (new x_n - old x_n)."""
        found, ends = [x], self.fine(states[:-1])
        for n in range(len(self.starts)):
            one = _Flow(self.f, self.starts[n:n + 1], self.sizes[n:n + 1], self.methods, self.fine_steps)
            _, moved = torch.func.jvp(one.fine, (states[n:n + 1],), ((found[-1] - states[n])[None],))
            found.append(ends[n] + moved[0])
        return torch.stack(found)

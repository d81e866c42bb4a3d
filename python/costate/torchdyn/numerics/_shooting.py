"""Multiple shooting: states at all times at once, corrected until each is where the flow from the one before ends.

Massaroli et al., Differentiable Multiple Shooting Layers (2021), arXiv:2106.03885; parareal: Lions, Maday, Turinici (2001).
"""

import torch

from costate._names import nearest

# torchdyn's names of a method, by ours.
_NAMES = {"zero": ("mszero", "zero", "parareal"), "backward": ("msbackward", "backward", "discrete-adjoint")}
SHOOTING = {name: method for method, names in _NAMES.items() for name in names}


def shooting_method_of(solver):
    """Ours of torchdyn's names. ValueError, with the nearest one, for a name that there is not."""
    if solver not in SHOOTING:
        near = nearest(str(solver), SHOOTING)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"[odeint_mshooting] solver must be one of {', '.join(SHOOTING)}; got {solver!r}.{hint}")
    return SHOOTING[solver]


def odeint_mshooting(f, x, t_span, solver, B0=None, fine_steps=2, maxiter=4):
    """(times, states [time, …]) of x' = f(t, x), by `maxiter` corrections of all intervals at once.

    solver      'parareal' ('zero', 'mszero'): a correction moves along Euler's steps. 'backward' ('msbackward', 'discrete-adjoint'): along the
                derivative of the fine flow, Newton's method.
    B0          the first guess [time, …]; by default that of Euler's steps.
    fine_steps  of the classical Runge-Kutta method in each interval.

    Intervals side by side are one batch: f is called with t [row, 1, …] and x [row, …], where a row is a sample in an interval. After as many
    corrections as there are intervals the states are those of the fine steps one after the other.
    """
    method = shooting_method_of(solver)
    if len(t_span) < 2:
        raise ValueError(f"[odeint_mshooting] t_span must have at least two times; got {len(t_span)}.")
    if fine_steps < 1:
        raise ValueError(f"[odeint_mshooting] fine_steps must be from 1 on; got {fine_steps}.")
    times = torch.as_tensor(t_span).to(x).reshape(-1, *[1] * x.dim())
    flow = _Flow(f, times[:-1], times[1:] - times[:-1], fine_steps)
    states = flow.coarse_path(x) if B0 is None else torch.cat([x[None], torch.as_tensor(B0).to(x)[1:]])
    correct = flow.parareal if method == "zero" else flow.newton
    for _ in range(maxiter):
        states = correct(x, states)
    return t_span, states


class _Flow:
    """The flow of a field over intervals; states are [interval, …]."""

    def __init__(self, f, starts, sizes, fine_steps):
        self.f, self.starts, self.sizes, self.fine_steps = f, starts, sizes, fine_steps

    def _slope(self, t, x):
        """The field at states [interval, …] and times [interval, 1, …]."""
        if x.dim() < 3:
            return self.f(t, x)
        return self.f(t.expand(*x.shape[:2], *t.shape[2:]).flatten(0, 1), x.flatten(0, 1)).reshape(x.shape)

    def _euler(self, start, size, x):
        return x + size * self._slope(start, x)

    def coarse(self, n, x):
        """Euler's step over the n-th interval, of a state."""
        return self._euler(self.starts[n:n + 1], self.sizes[n:n + 1], x[None])[0]

    def coarse_path(self, x):
        states = [x]
        for n in range(len(self.starts)):
            states.append(self.coarse(n, states[-1]))
        return torch.stack(states)

    def fine(self, x):
        """Steps of the classical Runge-Kutta method over all intervals."""
        h = self.sizes / self.fine_steps
        for m in range(self.fine_steps):
            t = self.starts + m * h
            a = self._slope(t, x)
            b = self._slope(t + h / 2, x + h / 2 * a)
            c = self._slope(t + h / 2, x + h / 2 * b)
            d = self._slope(t + h, x + h * c)
            x = x + h / 6 * (a + 2 * b + 2 * c + d)
        return x

    def parareal(self, x, states):
        """x_{n+1} = coarse(new x_n) + fine(old x_n) - coarse(old x_n)."""
        ends = self.fine(states[:-1]) - self._euler(self.starts, self.sizes, states[:-1])
        found = [x]
        for n in range(len(self.starts)):
            found.append(ends[n] + self.coarse(n, found[-1]))
        return torch.stack(found)

    def newton(self, x, states):
        """x_{n+1} = fine(old x_n) + (derivative of fine there) (new x_n - old x_n)."""
        found, ends = [x], self.fine(states[:-1])
        for n in range(len(self.starts)):
            one = _Flow(self.f, self.starts[n:n + 1], self.sizes[n:n + 1], self.fine_steps)
            _, moved = torch.func.jvp(one.fine, (states[n:n + 1],), ((found[-1] - states[n])[None],))
            found.append(ends[n] + moved[0])
        return torch.stack(found)

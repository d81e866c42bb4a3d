"""A solution that can be asked for at any time."""

import bisect

import torch

from costate.torch._callbacks import ADAPTIVE, Solve


class Solution:
    """The states of an adaptive solve between its first and last time, by the method's dense output."""

    def __init__(self, solve):
        self.solve, self.steps = solve, []
        self.solver = solve.adaptive()
        times = solve.times
        self.solver.begin(times.numbers[0], times.handles[0], solve.structure.widened(solve.y0), times.numbers[-1], times.handles[-1])
        while self.solver.t != times.numbers[-1]:
            self.steps.append(self.solver.next_step())
            self.solver.output(self.steps[-1], self.steps[-1].t)  # evaluates what dense output needs, as long as gradients are recorded
        self.ends = [float(step.t_next) * times.direction for step in self.steps]

    def __call__(self, t):
        """The states [*t.shape, …] at the times t; ValueError outside of the solution."""
        flat = torch.as_tensor(t, dtype=torch.float64).reshape(-1)
        states = torch.stack([self._at(time) for time in flat.unbind()]) if flat.numel() else self.solve.y0.new_empty(0, *self.solve.y0.shape)
        return self.solve.structure.split(states.reshape(*torch.as_tensor(t).shape, *self.solve.y0.shape), torch.as_tensor(t).shape)

    def _at(self, time):
        number, numbers, sign = float(time), self.solve.times.numbers, self.solve.times.direction
        if not 0 <= (number - numbers[0]) * sign <= (numbers[-1] - numbers[0]) * sign:
            raise ValueError(f"[odeint_dense] the solution is known from {numbers[0]} to {numbers[-1]}; asked for {number}.")
        step = self.steps[min(bisect.bisect_left(self.ends, number * sign), len(self.steps) - 1)]
        return self.solver.output(step, time if time.requires_grad else number)


def odeint_dense(func, y0, t0, t1, **arguments):
    """A Solution. NotImplementedError for methods on a grid, which have no dense output."""
    t = torch.stack([torch.as_tensor(x, dtype=torch.float64).reshape(()) for x in (t0, t1)])
    solve = Solve(func, y0, t, **arguments)
    if solve.method not in ADAPTIVE:
        raise NotImplementedError(f"[odeint_dense] method must be adaptive, one of {', '.join(ADAPTIVE)}; got '{solve.method}'.")
    return Solution(solve)

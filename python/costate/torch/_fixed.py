"""Steps on a grid: explicit Runge-Kutta methods, and what all methods on a grid share."""

import math

import torch

from costate.torch._field import Side
from costate.torch._runge_kutta import Step, number, tableau

# The options of methods on a grid, and what they are by default.
OPTIONS = {"step_size": None, "grid_constructor": None, "interp": "linear", "perturb": False, "norm": None}


def check(options):
    """ValueError for values that no solve on a grid can have."""
    size, interp = options["step_size"], options["interp"]
    if size is not None and options["grid_constructor"] is not None:
        raise ValueError("step_size and grid_constructor are mutually exclusive arguments.")
    if size is not None and not float(size) > 0:
        raise ValueError(f"[odeint] options['step_size'] must be above 0, in both directions of time; got {size}.")
    if interp not in ("linear", "cubic"):
        raise ValueError(f"Unknown interpolation method {interp}")


class GridStep:
    """One step of a grid: from (t, y) to (t_next, y_next), with the slope at its start."""

    def __init__(self, t, t_next, y, slope, y_next):
        self.t, self.t_next, self.y, self.slope, self.y_next = t, t_next, y, slope, y_next

    def linear(self, time):
        theta = (time - self.t) / (self.t_next - self.t)
        return self.y + _fitting(theta, self.y) * (self.y_next - self.y)

    def cubic(self, time, end_slope):
        """Hermite's cubic through both ends with their slopes."""
        h = self.t_next - self.t
        x = (time - self.t) / h
        y, y_next, (a, b, c, d) = self.y, self.y_next, _hermite(x)
        return (_fitting(a, y) * y + _fitting(b * h, y) * self.slope + _fitting(c, y) * y_next
                + _fitting(d * h, y) * end_slope)


def _hermite(x):
    return (1 + 2 * x) * (1 - x) ** 2, x * (1 - x) ** 2, x * x * (3 - 2 * x), x * x * (x - 1)


def _fitting(number, y):
    """A time-like 0-d tensor in a state's precision; numbers as they are."""
    return number.to(y.abs().dtype) if isinstance(number, torch.Tensor) else number


class ExplicitStepper:
    """Steps of an explicit Runge-Kutta method."""

    def __init__(self, name, field, perturb):
        self.tableau, self.field, self.perturb = tableau(name), field, perturb

    def first_slope(self, t, y):
        return self.field(t, y, Side.AFTER if self.perturb else Side.AT)

    def step(self, t, t_next, y, slope):
        step = Step(self.tableau, t, t_next - t, t_next, y, slope)
        step.evaluate(self.field, Side.BEFORE if self.perturb else Side.AT)
        return step.y_next


class Fixed:
    """A solve on a grid, by any stepper: `first_slope(t, y)` and `step(t, t_next, y, slope)`."""

    def __init__(self, stepper, options, field, callbacks):
        self.stepper, self.field, self.callbacks = stepper, field, callbacks
        self.step_size, self.constructor, self.interp = options["step_size"], options["grid_constructor"], options["interp"]

    def grid(self, times, func, y0):
        """The times at which steps begin and end."""
        if self.constructor is not None:
            grid = self.constructor(func, y0, times.given)
            assert grid[0] == times.given[0] and grid[-1] == times.given[-1], (
                f"[odeint] the grid must go from t[0] = {times.numbers[0]} to t[-1] = {times.numbers[-1]}; "
                f"got {float(grid[0])} to {float(grid[-1])}.")
            return [x.double() for x in grid] if grid.requires_grad and times.flows else grid.detach().double().tolist()
        if self.step_size is None or len(times) == 1:
            return times.handles
        start, end, size = times.numbers[0], times.numbers[-1], float(self.step_size)
        count = max(1, math.ceil(abs(end - start) / size * (1 - 2.0**-40)))
        return [times.handles[0] + m * size * times.direction for m in range(count)] + [times.handles[-1]]

    def integrate(self, y0, times, func, given_y0):
        """The states at the times, a list."""
        grid = self.grid(times, func, given_y0)
        states, y, waiting = [y0], y0, []
        for t, t_next in zip(grid, grid[1:]):
            self.callbacks("callback_step", number(t), y, abs(number(t_next) - number(t)))
            slope = self.stepper.first_slope(t, y)
            self._settle(waiting, states, slope, times)
            y_next = self.stepper.step(t, t_next, y, slope)
            step = GridStep(t, t_next, y, slope, y_next)
            waiting = [(i, step) for i in range(len(states), len(times))
                       if (number(t_next) - times.numbers[i]) * times.direction >= 0]
            self._write(waiting, states, times)
            y = y_next
        self._settle(waiting, states, None, times)
        return states

    def _write(self, waiting, states, times):
        """Outputs that need no slope at the step's end; the others wait for the next step's first."""
        while waiting:
            i, step = waiting[0]
            on_grid = times.numbers[i] == number(step.t_next)
            is_end = i == len(times) - 1 or times.handles[i] is step.t_next
            if on_grid and (is_end or not times.flows):
                states.append(step.y_next)
            elif self.interp == "linear" and not on_grid:
                states.append(step.linear(times.handles[i]))
            else:
                return
            waiting.pop(0)

    def _settle(self, waiting, states, slope, times):
        """Outputs that had to wait for the slope at the step's end; it is evaluated if nobody has."""
        for i, step in waiting:
            if slope is None:
                slope = self.field(step.t_next, step.y_next)
            if times.numbers[i] == number(step.t_next):  # moves along the slope
                shift = times.handles[i] - step.t_next
                states.append(step.y_next + _fitting(shift, step.y) * slope)
            elif self.interp == "linear":
                states.append(step.linear(times.handles[i]))
            else:
                states.append(step.cubic(times.handles[i], slope))
        waiting.clear()

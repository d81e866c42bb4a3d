"""Explicit Runge-Kutta pairs under control by error: the core's controller and first step, on tensors.

All numbers of the state take the same steps, by one norm of the error over all of them.
"""

import bisect
import math

import torch

from costate import _core
from costate.torch._field import Side
from costate.torch._runge_kutta import Step, number, tableau

# The options of adaptive methods, and what they are by default.
OPTIONS = {"min_step": 0.0, "max_step": math.inf, "first_step": None, "step_t": None, "jump_t": None, "safety": 0.9, "ifactor": 10.0,
           "dfactor": 0.2, "max_num_steps": 2**31 - 1, "dtype": torch.float64, "norm": None, "controller": "costate"}
CONTROLLERS = ("costate", "torchdiffeq")
# torchdiffeq's estimate of an error in units of ours: its dopri5 has Shampine's coefficients.
OF_TORCHDIFFEQ = {"dopri5": 2 / 3}
_EPSILON = 2.0**-52


def _times_of(name, value, direction, start):
    """Times at which steps end, in the order in which they come, from the start on."""
    if value is None:
        return []
    values = torch.as_tensor(value, dtype=torch.float64).reshape(-1).tolist()
    if not all(map(math.isfinite, values)):
        raise ValueError(f"[odeint] options['{name}'] must hold finite times; got {values}.")
    return sorted((t for t in values if (t - start) * direction >= 0), key=lambda t: t * direction)


def stops_of(options, direction, start):
    """The times at which the field jumps, a set, and all at which steps end, in their order. ValueError for one that is there twice."""
    jumps, steps = (_times_of(name, options[name], direction, start) for name in ("jump_t", "step_t"))
    if len({*jumps, *steps}) < len(jumps) + len(steps):
        raise ValueError("`step_t` and `jump_t` must not have any repeated elements between them.")
    return set(jumps), sorted([*jumps, *steps], key=lambda t: t * direction)


def check(options):
    """ValueError for values that no adaptive solve can have."""
    if options["controller"] not in CONTROLLERS:
        raise ValueError(f"[odeint] options['controller'] must be one of {', '.join(CONTROLLERS)}; got {options['controller']!r}.")
    for name in ("min_step", "max_step", "safety", "ifactor", "dfactor"):
        if not float(options[name]) >= 0:
            raise ValueError(f"[odeint] options['{name}'] must be a number that is not negative; got {options[name]}.")
    if options["first_step"] is not None and not float(options["first_step"]) > 0:
        raise AssertionError(f"underflow in dt {options['first_step']}: options['first_step'] must be above 0.")


class Adaptive:
    """Takes steps from (t, y), one after the other; `end` is None where an event will end the solve."""

    def __init__(self, name, options, field, norm, tolerances, callbacks):
        self.tableau, self.field, self.norm, self.callbacks = tableau(name), field, norm, callbacks
        self.rtol, self.atol = tolerances
        self.options = options
        self.min_step, self.max_step = float(options["min_step"]), float(options["max_step"])
        self.controller = _core._step_controller(method=name, rule=options["controller"], safety=float(options["safety"]),
                                                 smallest=float(options["dfactor"]), largest=float(options["ifactor"]))
        self.error_unit = OF_TORCHDIFFEQ.get(name, 1.0) if options["controller"] == "torchdiffeq" else 1.0
        self.direction = field.direction
        self.saw_non_finite = False

    def begin(self, t, handle, y, end=None, end_handle=None):
        """The first slope and the first step's size. `handle` is the time as gradients flow through it."""
        self.t, self.handle, self.y, self.end, self.end_handle = t, handle, y, end, end_handle
        self.jumps, self.stops = stops_of(self.options, self.direction, t)
        self.slope = self.field(handle, y, self._side(t, Side.AFTER))
        first = self.options["first_step"]
        self.h = float(first) if first is not None else self._first_step()
        self.attempts = 0

    def _side(self, t, side):
        return side if t in self.jumps else Side.AT

    def _size(self, values):
        """The norm of a tensor without gradients, as a number."""
        return float(abs(self.norm(values)))

    def _scale(self, *states):
        size = states[0].abs()
        for state in states[1:]:
            size = torch.maximum(size, state.abs())
        return self.atol + self.rtol * size

    @torch.no_grad()
    def _first_step(self):
        y, slope = self.y.detach(), self.slope.detach()
        scale = self._scale(y)
        d0, d1 = self._size(y / scale), self._size(slope / scale)
        smallest = 20 * _EPSILON * abs(self.t)
        trial = max(_core._trial_step(d0, d1), smallest)
        h = self.direction * trial
        moved = self.field(self.t + h, torch.add(y, slope, alpha=h)) - slope
        d2 = self._size(moved / scale) / trial
        return max(_core._first_step(self.tableau.name, self.options["controller"], trial, d1, d2), smallest)

    def _next_stop(self):
        """Where the next step must not go beyond, and its handle; None if nowhere."""
        at = bisect.bisect_right(self.stops, self.t * self.direction, key=lambda t: t * self.direction)
        stop = self.stops[at] if at < len(self.stops) else None
        if stop is not None and (self.end is None or (self.end - stop) * self.direction > 0):
            return stop, stop
        return self.end, self.end_handle

    def next_step(self):
        """Takes attempts until one is accepted, and moves there; gives the Step."""
        while True:
            step, size, planned = self._plan()
            step_accepted, factor = self._attempt(step, size)
            self.h = size * factor
            t_next = number(step.t_next)
            if step_accepted:
                if planned > self.h and factor >= 1:  # the step was cut; the size planned before is taken up again
                    self.h = planned
                self._move(step, t_next)
                return step

    def _plan(self):
        """The next attempt, its size, and the size that it would have without a stop."""
        planned = self.h if math.isfinite(self.h) else self.min_step
        planned = min(max(planned, self.min_step), self.max_step)
        if self.attempts >= self.options["max_num_steps"]:
            raise AssertionError(f"max_num_steps exceeded ({self.attempts}>={self.options['max_num_steps']})")
        size, (stop, stop_handle) = planned, self._next_stop()
        left = math.inf if stop is None else (stop - self.t) * self.direction
        if left <= _core._NEAR_END * size:
            if left > self.max_step:
                size = left / 2
        elif not (self.t + self.direction * size - self.t) * self.direction > 0:
            is_lost = self.saw_non_finite or not bool(torch.isfinite(self.slope.detach()).all())
            why = f": func gives NaN or inf near t = {self.t}" if is_lost else f": the error of any step from t = {self.t} is too large"
            raise AssertionError(f"underflow in dt {size}{why}.")
        if left <= _core._NEAR_END * size:
            h = stop_handle - self.handle
            t_next, size = stop_handle, left
        else:
            h = self.direction * size
            t_next = self.handle + h
        return Step(self.tableau, self.handle, h, t_next, self.y, self.slope), size, planned

    def _attempt(self, step, size):
        self.attempts += 1
        self.callbacks("callback_step", self.t, self.y, size)
        at_end = self._side(number(step.t_next), Side.BEFORE)
        step.evaluate(self.field, at_end)
        if self.tableau.error_needs_closing:
            step.close(self.field, at_end)
        error = self._error(step)
        self.saw_non_finite = not math.isfinite(error)
        accepted, factor = self.controller.decide(error)
        if size <= self.min_step:
            accepted = True
            assert bool(torch.isfinite(step.y_next.detach()).all()), f"non-finite values in state `y`: {step.y_next}"
        self.callbacks("callback_accept_step" if accepted else "callback_reject_step", self.t, self.y, size)
        return accepted, factor

    @torch.no_grad()
    def _error(self, step):
        scale = self._scale(step.y.detach(), step.y_next.detach())
        error, *low = [self.error_unit * self._size(estimate / scale) for estimate in step.errors()]
        return math.sqrt(_core._companion_square(error**2, low[0] ** 2)) if low else error

    def _move(self, step, t_next):
        self.t, self.handle, self.y = t_next, step.t_next, step.y_next
        if self.end is not None and t_next == self.end:
            return
        if t_next in self.jumps:
            self.slope = self.field(t_next, self.y, Side.AFTER)
        else:
            step.close(self.field, Side.AT)
            self.slope = step.slopes[self.tableau.closing]

    def output(self, step, time):
        """The state at a time within an accepted step."""
        return step.at(self.field, time, self._side(number(step.t_next), Side.BEFORE))

    def integrate(self, y0, times):
        """The states at the times, a list."""
        self.begin(times.numbers[0], times.handles[0], y0, times.numbers[-1], times.handles[-1])
        states, last = [y0], len(times) - 1
        while len(states) < len(times):
            step = self.next_step()
            reached = number(step.t_next)
            while len(states) < len(times) and (reached - times.numbers[len(states)]) * self.direction >= 0:
                i = len(states)
                at_end = times.numbers[i] == reached and (i == last or not times.flows)
                states.append(step.y_next if at_end else self.output(step, times.handles[i]))
                self.attempts = 0
        return states

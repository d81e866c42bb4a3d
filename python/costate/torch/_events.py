"""Solves that end where a function of time and state becomes 0."""

import torch

from costate.torch._adaptive import Adaptive
from costate.torch._fixed import GridStep
from costate.torch._runge_kutta import number

_MAX_STEPS = 20000  # on a grid, as torchdiffeq


class Event:
    """The first sign change of any number of event_fn(t, y), seen at the ends of steps and then found within one."""

    def __init__(self, event_fn, structure, field):
        if not callable(event_fn):
            raise TypeError(f"[odeint] event_fn must be a callable event_fn(t, y); got {type(event_fn).__name__}.")
        self.event_fn, self.structure, self.field = event_fn, structure, field
        self.signs = self.time = None  # the time is None where the event is at the start

    def value(self, t, y):
        """The smallest number of event_fn's, all of which begin above 0; 0-d."""
        found = self.event_fn(t, self.structure.split(y))
        if not isinstance(found, torch.Tensor):
            raise TypeError(f"[odeint] event_fn must return a torch.Tensor; got {type(found).__name__}.")
        return (found * self.signs).min()

    @torch.no_grad()
    def begin(self, t, y):
        """Whether the event is at the start."""
        self.signs = torch.sign(self.event_fn(self.field.time(t), self.structure.split(y)))
        return bool((self.signs == 0).any())

    @torch.no_grad()
    def is_past(self, t, y):
        return float(self.value(self.field.time(t), y)) <= 0

    def find(self, solver, times, y0):
        """The time of the event and the state there, through both of which gradients flow."""
        t, handle = times.numbers[0], times.handles[0]
        if self.begin(t, y0):
            return self.field.time(handle), y0
        walk = _adaptive_steps(solver, t, handle, y0) if isinstance(solver, Adaptive) else _grid_steps(solver, t, handle, y0, times)
        for start, end, y_end, output in walk:
            if self.is_past(end, y_end):
                output(start)  # evaluates, with gradients, what the output needs
                self.time = self._within(start, end, output)
                return link(self, self.field, self.time, output(self.time))

    @torch.no_grad()
    def _within(self, left, right, output):
        """The event's time in a step, to rounding, by Chandrupatla's method (1997). Of an interval over which the value is 0, the first time."""
        def value_at(time):
            return float(self.value(self.field.time(time), output(time)))

        a, b, at_a, at_b, part = right, left, value_at(right), value_at(left), 0.5  # above 0 at one of both; a is the newest, c the one before it
        for _ in range(120):
            c, at_c = a, at_a
            a = a + part * (b - a)
            at_a = value_at(a)
            if (at_a > 0) != (at_c > 0):
                b, at_b, c, at_c = c, at_c, b, at_b
            nearest, part = 2.0**-51 * max(abs(a), abs(b)), 0.5
            if abs(b - a) <= 2 * nearest:
                break
            if at_a != at_c != at_b:
                place, height = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
                if height**2 < place and (1 - height) ** 2 < 1 - place:  # the inverse parabola through all three is monotone
                    part = at_a / (at_b - at_a) * at_c / (at_b - at_c) + (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
            share = nearest / abs(b - a)
            part = min(1 - share, max(share, part))
        return a if abs(at_a) < abs(at_b) else b


def link(event, field, time, y):
    """The event's time as a function of all that event_fn and the state depend on, and the state there.

    The implicit function theorem: event(t, y(t)) stays 0 as anything moves, so t moves by -d event / (rate of event).
    """
    t = field.time(time)
    if not torch.is_grad_enabled():
        return torch.tensor(time, dtype=torch.float64 if y.device.type != "mps" else None, device=y.device), y
    value = event.value(t, y)
    slope = field(time, y).detach()
    at_t, at_y = t.detach().requires_grad_(True), y.detach().requires_grad_(True)
    near = event.value(at_t, at_y)
    by_t, by_y = torch.zeros_like(at_t), torch.zeros_like(at_y)
    if near.requires_grad:  # not if event_fn returns a constant there, as one that ends a solve at a time may do
        by_t, by_y = torch.autograd.grad(near, (at_t, at_y), allow_unused=True, materialize_grads=True)
    rate = by_t + (by_y.conj() * slope).real.sum() if by_y.is_complex() else by_t + (by_y * slope).sum()
    rate = torch.where(rate == 0, 1e-12, rate)  # torchdiffeq's number for a value that stands still
    shift = (value.detach() - value) / rate
    exact = torch.tensor(time, dtype=torch.float64 if y.device.type != "mps" else t.dtype, device=y.device)
    return exact + shift, y + shift.to(y.abs().dtype) * slope


def _adaptive_steps(solver, t, handle, y0):
    """Start, end, state at the end and dense output of one step after the other."""
    solver.begin(t, handle, y0)
    while True:
        step = solver.next_step()
        yield number(step.t), number(step.t_next), step.y_next, lambda time, step=step: solver.output(step, time)


def _grid_steps(solver, t, handle, y0, times):
    size = solver.step_size
    assert size is not None, "Event handling for fixed step solvers currently requires `step_size` to be provided in options."
    h, y = float(size) * times.direction, y0
    for m in range(_MAX_STEPS):
        begin, end = handle + m * h, handle + (m + 1) * h
        solver.callbacks("callback_step", number(begin), y, abs(h))
        slope = solver.stepper.first_slope(begin, y)
        y_next = solver.stepper.step(begin, end, y, slope)
        step = GridStep(begin, end, y, slope, y_next)
        yield number(begin), number(end), y_next, _grid_output(solver, step)
        y = y_next
    raise RuntimeError(f"Reached maximum number of iterations {_MAX_STEPS}.")


def _grid_output(solver, step):
    """The interpolant of a grid's step; the slope at its end is evaluated when it is first asked for."""
    slopes = []

    def output(time):
        if solver.interp == "linear":
            return step.linear(time)
        if not slopes:
            slopes.append(solver.field(step.t_next, step.y_next))
        return step.cubic(time, slopes[0])

    return output

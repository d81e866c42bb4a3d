"""Solves with jumps: where a condition becomes true, the state is replaced."""

import torch

from costate.torch._adaptive import Adaptive
from costate.torch._callbacks import Solve
from costate.torch._runge_kutta import number
from costate.torchdyn.numerics._solve import ADAPTIVE, method_of


class EventCallback(torch.nn.Module):
    """A jump: where check_event(t, x) becomes true, x becomes jump_map(t, x)."""

    def __attrs_post_init__(self):
        """Of subclasses that have a constructor of attr.s, as torchdyn's have."""
        torch.nn.Module.__init__(self)

    def check_event(self, t, x):
        raise NotImplementedError("[EventCallback] check_event(t, x) must be defined: whether the event is on.")

    def jump_map(self, t, x):
        raise NotImplementedError("[EventCallback] jump_map(t, x) must be defined: the state after the jump.")


class StochasticEventCallback(EventCallback):
    """A jump at a random time: check_event compares an intensity's integral, a number of x, with `s`, a number from Exp(1) for each sample.

    initialize(x0) draws s before the solve; jump_map draws it anew, from `expdist`, for the next jump.
    """

    expdist = torch.distributions.Exponential(1.0)

    def initialize(self, x0):
        self.s = self.expdist.sample(x0.shape[:1]).to(x0)


def odeint_hybrid(f, x, t_span, j_span, solver, callbacks, atol=1e-3, rtol=1e-3, event_tol=1e-4, priority="jump", seminorm=(False, None)):
    """(times, states) of x' = f(t, x) with jumps: at the times t_span until the end or the j_span-th jump, and twice at each jump, before and after it.

    solver     'dopri5' or 'tsit5', by any of their names.
    callbacks  EventCallbacks, or what has their two methods. An event is where check_event becomes true within a step; of several the first in
               time counts, and of those at one time the first in the list.
    event_tol  how far beyond an event its time may be. Gradients flow through the states, and not through the events' times.
    priority   'jump' looks for events at the start, too; 'flow' does not.
    """
    if priority not in ("jump", "flow"):
        raise ValueError(f"[odeint_hybrid] priority must be 'jump' or 'flow'; got {priority!r}.")
    if not event_tol > 0:
        raise ValueError(f"[odeint_hybrid] event_tol must be above 0; got {event_tol}.")
    method = method_of(solver)
    if method not in ADAPTIVE:
        raise ValueError(f"[odeint_hybrid] solver must have steps of its own, as dopri5 and tsit5 do; got {solver!r}.")
    times = torch.as_tensor(t_span, dtype=x.dtype if not isinstance(t_span, torch.Tensor) else None)
    return _Hybrid(Solve(f, x, times, rtol=rtol, atol=atol, method=method), callbacks, event_tol).run(x, j_span, priority == "jump")


def _truth(on):
    if isinstance(on, torch.Tensor) and on.numel() != 1:
        raise ValueError("[odeint_hybrid] check_event must give one truth value, for the whole batch, as (x[:, 0] < 0).any() does; got a tensor of the "
                         f"shape {tuple(on.shape)}.")
    return bool(on)


class _Hybrid:
    def __init__(self, solve, callbacks, event_tol):
        self.solve, self.callbacks, self.tolerance = solve, list(callbacks), event_tol
        self.times, self.states, self.next = [], [], 0

    def _on(self, t, x):
        """Which events are on."""
        with torch.no_grad():
            return [_truth(c.check_event(self.solve.field.time(t), x)) for c in self.callbacks]

    def _write(self, t, x):
        self.times.append(t)
        self.states.append(x)

    def run(self, x, most_jumps, looks_at_start):
        t, end, jumps = self.solve.times.numbers[0], self.solve.times.numbers[-1], 0
        self._write(t, x)
        self.next, on = 1, [False] * len(self.callbacks)
        if looks_at_start and any(self._on(t, x)) and most_jumps > 0:
            x, jumps = self._jump(t, x, on), 1
        while t != end and jumps < most_jumps:
            t, x, is_jump = self._flow(t, x, end)
            if is_jump:
                x, jumps = self._jump(t, x, self.before), jumps + 1
        if t != end and jumps < most_jumps:
            raise AssertionError(f"[odeint_hybrid] ended at t = {t}, before {end}.")
        dtype = self.solve.t.dtype
        return torch.tensor(self.times, dtype=dtype, device=self.solve.t.device), torch.stack(self.states)

    def _jump(self, t, x, before):
        which = next(i for i, (now, was) in enumerate(zip(self._on(t, x), before)) if now and not was)
        x = self.callbacks[which].jump_map(self.solve.field.time(t), x)
        self._write(t, x)
        return x

    def _flow(self, t, x, end):
        """Steps to the next event, or to the end: (time, state, whether an event is there)."""
        solver: Adaptive = self.solve.adaptive()
        solver.begin(t, t, x, end, end)
        self.before = self._on(t, x)
        while t != end:
            step = solver.next_step()
            left, right = t, number(step.t_next)
            now = self._on(right, step.y_next)
            if any(a and not b for a, b in zip(now, self.before)):
                at = self._first(left, right, lambda time: solver.output(step, time))
                self._outputs(step, solver, at)
                state = solver.output(step, at)
                self._write(at, state)
                return at, state, True
            self.before = now
            self._outputs(step, solver, right)
            t, x = right, step.y_next
        return t, x, False

    def _first(self, left, right, state):
        """The end of an interval of the tolerance's length in which an event comes on: halving."""
        while abs(right - left) > self.tolerance and (left + right) / 2 not in (left, right):
            middle = (left + right) / 2
            with torch.no_grad():
                on = self._on(middle, state(middle))
            if any(a and not b for a, b in zip(on, self.before)):
                right = middle
            else:
                left = middle
        return right

    def _outputs(self, step, solver, until):
        numbers, direction = self.solve.times.numbers, self.solve.times.direction
        while self.next < len(numbers) and (until - numbers[self.next]) * direction >= 0:
            at = numbers[self.next]
            self._write(at, step.y_next if at == number(step.t_next) else solver.output(step, at))
            self.next += 1

"""Gradients by Algorithm 2 of Chen et al. 2018: state and adjoint solved backwards together, from output to output.

What torchdiffeq's odeint_adjoint does; here it can be differentiated again.
"""

import torch

from costate.torch import _field
from costate.torch._callbacks import Solve
from costate.torch._field import CALLBACKS, Side


def adjoint_norm(options, structure, state_norm):
    """The norm of (adjoint of t, y, adjoint of y, *those of parameters); y and its adjoint are flat tensors there."""
    given = options.get("norm")
    if given is not None and given != "seminorm":
        if not structure.is_tuple:
            return given

        def of_members(parts):
            t, y, adjoint, *parameters = parts
            return given((t, *structure.parts(y), *structure.parts(adjoint), *parameters))

        return of_members

    def largest(parts):
        t, y, adjoint, *parameters = parts
        sizes = [t.abs(), state_norm(y), state_norm(adjoint)]
        if given is None and parameters:
            sizes.append(_field.mixed_norm(parameters))
        return max(sizes)

    return largest


class Backsolve(torch.autograd.Function):
    """The forward solve without a record, whose gradient is a solve backwards."""

    @staticmethod
    def forward(ctx, solve, adjoint, t_flows, y0, t, *parameters):
        ctx.solve, ctx.adjoint, ctx.adjoint_options, ctx.t_flows = solve, adjoint, adjoint["options"], t_flows
        with torch.no_grad():
            if solve.event_fn is None:
                states = solve.states()
                ctx.save_for_backward(t, states, *parameters)
                return states
            time, states = solve.event()
            ctx.save_for_backward(torch.stack([t[0].to(time), time]), states, *parameters)
            ctx.mark_non_differentiable(time)
            return time, states

    @staticmethod
    def backward(ctx, *gradients):
        times, states, *parameters = ctx.saved_tensors
        by_states = gradients[-1]
        sweep = _Sweep(ctx, parameters, states)
        by_y0, by_t, by_parameters = sweep.run(times, states, by_states)
        if by_t is not None:
            by_t = by_t.to(ctx.solve.t.dtype)
            if ctx.solve.event_fn is not None:  # t[1] gives the direction only
                by_t = torch.stack([by_t[0], torch.zeros_like(by_t[0])])
        return (None, None, None, by_y0, by_t, *by_parameters)


class _Sweep:
    """The solve backwards of (adjoint of t, y, adjoint of y, *those of parameters)."""

    def __init__(self, ctx, parameters, states):
        self.solve, self.options, self.adjoint, self.t_flows = ctx.solve, ctx.adjoint_options, ctx.adjoint, ctx.t_flows
        self.parameters, self.states = parameters, states
        self.records = torch.is_grad_enabled()  # to be differentiated again
        for name in CALLBACKS:
            callback = getattr(self.solve.func, name + "_adjoint", None)
            if callable(callback):
                setattr(self, name, callback)

    def __call__(self, t, parts):
        """The slopes of all parts."""
        kind = parts[0].dtype  # the widest of all parts'
        y, adjoint = (_as(part, self.states) for part in parts[1:3])
        with torch.enable_grad():
            fixed, at = y.detach().requires_grad_(True), t.detach().requires_grad_(True)
            slope = self.solve.field(at if self.t_flows else at.detach(), fixed, Side.AT)
            found = self._vjp(slope, (*((at,) if self.t_flows else ()), fixed, *self.parameters), -adjoint)
        by_t = found.pop(0) if self.t_flows else torch.zeros_like(t)
        slopes = (by_t, slope, *found)
        if not self.records:
            return tuple(x.detach().to(kind) for x in slopes)
        return tuple(x.to(kind) for x in _Joined.apply(y, fixed, *slopes))

    def _vjp(self, slope, wanted, cotangent):
        if not slope.requires_grad:
            return [torch.zeros_like(x) for x in wanted]
        return list(torch.autograd.grad(slope, wanted, cotangent, allow_unused=True, materialize_grads=True,
                                        create_graph=self.records))

    def run(self, times, states, by_states):
        """Gradients by y0, t (None unless asked for) and the parameters."""
        real = _field.real_dtype(states.dtype)
        parts = [torch.zeros((), dtype=real, device=states.device), states[-1], by_states[-1],
                 *(torch.zeros_like(p) for p in self.parameters)]
        by_times = []
        for i in range(len(times) - 1, 0, -1):
            if self.t_flows:
                slope = self.solve.field(times[i], states[i])
                moved = (by_states[i].conj() * slope).sum().real if slope.is_complex() else (by_states[i] * slope).sum()
                parts[0] = parts[0] - moved
                by_times.insert(0, moved)
            solve = Solve(self, tuple(parts), times[i - 1:i + 1].flip(0).detach(), rtol=self.adjoint["rtol"], atol=self.adjoint["atol"],
                          method=self.adjoint["method"], options=self.options, controller=self.solve.controller)
            parts = [part[1] for part in solve.structure.split(solve.states(), (2,))]
            parts = [_as(part, like) for part, like in zip(parts, [parts[0], states, states, *self.parameters])]
            parts[1], parts[2] = states[i - 1], parts[2] + by_states[i - 1]
        by_t = torch.stack([parts[0], *by_times]) if self.t_flows else None
        return parts[2], by_t, parts[3:]


class _Joined(torch.autograd.Function):
    """Values that were computed from `fixed`, a tensor of its own with the numbers of y, as functions of y.

    Derivatives by parameters at a fixed y are wanted first, and y depends on them; what is made of these depends on y again.
    """

    @staticmethod
    def forward(ctx, y, fixed, *values):
        ctx.fixed, ctx.values = fixed, values
        return tuple(value.view_as(value) for value in values)

    @staticmethod
    def backward(ctx, *gradients):
        reached = [(value, gradient) for value, gradient in zip(ctx.values, gradients) if value.requires_grad]
        by_y, = torch.autograd.grad([v for v, _ in reached], ctx.fixed, [g for _, g in reached], retain_graph=True, allow_unused=True,
                                    materialize_grads=True, create_graph=torch.is_grad_enabled())
        return by_y, None, *gradients


def _as(part, like):
    """A part of the flat adjoint state in its own dtype; real, where it is."""
    return (part.real if part.is_complex() and not like.is_complex() else part).to(like.dtype)

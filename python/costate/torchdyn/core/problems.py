"""A field with a solver and a way to its gradient."""

import torch

from costate.torchdyn._absent import attributes
from costate.torchdyn.core.defunc import DEFunc
from costate.torchdyn.numerics._shooting import odeint_mshooting, shooting_solver_of
from costate.torchdyn.numerics._solve import adjoint, method_of, odeint, saved, solver_of

_SENSITIVITIES = ("autograd", "adjoint", "interpolated_adjoint")

__getattr__ = attributes(__name__, ("ODEProblem", "MultipleShootingProblem"))


class _WithIntegral(torch.autograd.Function):
    """States whose gradient is that of an integral besides, its values [time] during the solve."""

    @staticmethod
    def forward(ctx, states, integral):
        ctx.integral = integral.detach()
        return states.view_as(states)

    @staticmethod
    def backward(ctx, cotangent):
        by_integral = torch.zeros_like(ctx.integral)
        by_integral[-1] = 1
        return cotangent, by_integral


class ODEProblem(torch.nn.Module):
    """x(t) from x(t_span[0]) = x, x' = vector_field(x) or vector_field(t, x): (t_eval, states [time, batch, …]).

    solver         a name, or a Solver (numerics.solvers); solver_adjoint a name, of the solve backwards.
    sensitivity    'autograd': the gradient of the steps taken; 'adjoint' and 'interpolated_adjoint': by a solve backwards.
    order          of the equation.
    integral_loss  (t, x) -> [batch, 1] or [batch]. By 'autograd' x has a column of zeros in front, in which its integral grows. By the adjoints the
                   gradient of any loss of the states is that of the integral, summed over the batch, besides: 0 * states.sum() is enough.
    optimizable_params  more tensors that the adjoints find gradients of, as those that a function reads; parameters among them become the problem's.
    """

    def __init__(self, vector_field, solver="tsit5", interpolator=None, order=1, atol=1e-4, rtol=1e-4, sensitivity="autograd", solver_adjoint=None,
                 atol_adjoint=1e-6, rtol_adjoint=1e-6, seminorm=False, integral_loss=None, optimizable_params=()):
        super().__init__()
        if sensitivity not in _SENSITIVITIES:
            raise ValueError(f"[NeuralODE] sensitivity must be one of {', '.join(_SENSITIVITIES)}; got {sensitivity!r}.")
        solver_of(solver)
        self.solver_adjoint = None if solver_adjoint is None else method_of(solver_adjoint)
        self.vf, self.solver = DEFunc(vector_field, order, integral_loss), solver
        self.rtol, self.atol, self.rtol_adjoint, self.atol_adjoint = rtol, atol, rtol_adjoint, atol_adjoint
        self.sensitivity, self.seminorm, self.order = sensitivity, bool(seminorm), order
        self._tensors = []
        for number, value in enumerate(tuple(optimizable_params)):
            if not isinstance(value, torch.nn.Parameter):
                self._tensors.append(value)
            elif not any(value is known for known in self.vf.parameters()):
                self.vf.register_parameter(f"optimizable_parameter_{number}", value)

    @property
    def integral_loss(self):
        return self.vf.integral_loss

    def odeint(self, x, t_span, save_at=(), args=None):
        """(times, states)."""
        like = next(iter(x.values())) if isinstance(x, dict) else x
        times = torch.linspace(0, 1, 2, dtype=like.dtype if like.is_floating_point() else None) if t_span is None else torch.as_tensor(t_span)
        with self._inputs(x, args):
            if self.sensitivity == "autograd":
                return odeint(self.vf, x, times, self.solver, atol=self.atol, rtol=self.rtol, save_at=save_at)
            return saved(times, self._by_adjoint(x, times), save_at)

    def _inputs(self, x, args):
        """While it lasts, the field has what a solve from x gives to it."""
        carries_loss = self.sensitivity == "autograd" and self.integral_loss is not None
        return self.vf.given([*([(self.vf, "args", args)] if args else []), *self.vf.inputs_of(x, carries_loss)])

    def _by_adjoint(self, x, times):
        parameters = (*self.vf.parameters(), *self._tensors)
        tolerances, tolerances_adjoint = (self.rtol, self.atol), (self.rtol_adjoint, self.atol_adjoint)
        field, more = self.vf._costate_later(), (tolerances, tolerances_adjoint, parameters, self.seminorm, self.solver_adjoint)
        if self.integral_loss is None:
            return adjoint(field, x, times, method_of(self.solver), *more)

        def with_loss(t, parts):
            return field(t, parts[0]), self.vf.rate_of_loss(t, parts[0]).sum()

        states, integral = adjoint(with_loss, (x, x.new_zeros(())), times, method_of(self.solver), *more)
        return _WithIntegral.apply(states, integral)

    def forward(self, x, t_span=None, save_at=(), args=None):
        return self.odeint(x, t_span, save_at, args)

    def trajectory(self, x, t_span):
        """The states at the times, with the gradient of the steps taken, whatever `sensitivity` is."""
        with self._inputs(x, None):
            return odeint(self.vf, x, torch.as_tensor(t_span), self.solver, atol=self.atol, rtol=self.rtol)[1]

    def __repr__(self):
        numbers = sum(p.numel() for p in self.vf.parameters())
        return (f"{type(self).__name__}(order={self.order}, solver={self.solver}, sensitivity={self.sensitivity!r}, rtol={self.rtol}, atol={self.atol}; "
                f"{numbers} parameters, NFE: {self.vf.nfe})")


class MultipleShootingProblem(torch.nn.Module):
    """(times, states [time, batch, …]) from x, by odeint_mshooting; x' = vector_field(x) or vector_field(t, x).

    Gradients are those of the corrections made, by PyTorch; the other arguments of torchdyn's are taken, and change nothing.
    """

    def __init__(self, vector_field, solver, sensitivity="autograd", maxiter=4, fine_steps=4, solver_adjoint=None, atol_adjoint=1e-6,
                 rtol_adjoint=1e-6, seminorm=False, integral_loss=None):
        super().__init__()
        shooting_solver_of(solver)
        if integral_loss is not None:
            raise NotImplementedError(f"[{type(self).__name__}] integral_loss is not known here; make the integral a number of the state.")
        self.vf, self.solver, self.maxiter, self.fine_steps = DEFunc(vector_field), solver, maxiter, fine_steps

    def odeint(self, x, t_span, B0=None):
        return odeint_mshooting(self.vf, x, t_span, self.solver, B0=B0, fine_steps=self.fine_steps, maxiter=self.maxiter)

    def forward(self, x, t_span, B0=None):
        return self.odeint(x, t_span, B0)

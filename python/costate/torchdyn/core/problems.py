"""A field with a solver and a way to its gradient."""

import torch

from costate.torchdyn.core.defunc import DEFunc
from costate.torchdyn.numerics._shooting import odeint_mshooting, shooting_method_of
from costate.torchdyn.numerics._solve import adjoint, method_of, odeint, saved, solver_of

_SENSITIVITIES = ("autograd", "adjoint", "interpolated_adjoint")


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
    optimizable_params  tensors that the adjoints find gradients of, where vector_field is no module that has them.
    """

    def __init__(self, vector_field, solver="tsit5", interpolator=None, order=1, atol=1e-4, rtol=1e-4, sensitivity="autograd", solver_adjoint=None,
                 atol_adjoint=1e-6, rtol_adjoint=1e-6, seminorm=False, integral_loss=None, optimizable_params=()):
        super().__init__()
        if sensitivity not in _SENSITIVITIES:
            raise ValueError(f"[NeuralODE] sensitivity must be one of {', '.join(_SENSITIVITIES)}; got {sensitivity!r}.")
        solver_of(solver)
        self.solver_adjoint = None if solver_adjoint is None else method_of(solver_adjoint)
        self.vf, self.solver = DEFunc(vector_field, order, integral_loss), solver
        self.tolerances, self.tolerances_adjoint = (rtol, atol), (rtol_adjoint, atol_adjoint)
        self.sensitivity, self.seminorm = sensitivity, bool(seminorm)
        self.parameters_given = tuple(optimizable_params)

    @property
    def integral_loss(self):
        return self.vf.integral_loss

    def odeint(self, x, t_span, save_at=(), args=None):
        """(times, states)."""
        like = next(iter(x.values())) if isinstance(x, dict) else x
        times = torch.linspace(0, 1, 2, dtype=like.dtype if like.is_floating_point() else None) if t_span is None else torch.as_tensor(t_span)
        by_autograd = self.sensitivity == "autograd"
        with self.vf.given([*([(self.vf, "args", args)] if args else []), *self.vf.inputs_of(x, by_autograd and self.integral_loss is not None)]):
            rtol, atol = self.tolerances
            if by_autograd:
                return odeint(self.vf, x, times, self.solver, atol=atol, rtol=rtol, save_at=save_at)
            return saved(times, self._by_adjoint(x, times), save_at)

    def _by_adjoint(self, x, times):
        parameters = self.parameters_given or tuple(self.vf.parameters())
        field, more = self.vf._costate_later(), (self.tolerances, self.tolerances_adjoint, parameters, self.seminorm, self.solver_adjoint)
        if self.integral_loss is None:
            return adjoint(field, x, times, method_of(self.solver), *more)

        def with_loss(t, parts):
            return field(t, parts[0]), self.vf.rate_of_loss(t, parts[0]).sum()

        states, integral = adjoint(with_loss, (x, x.new_zeros(())), times, method_of(self.solver), *more)
        return _WithIntegral.apply(states, integral)

    def forward(self, x, t_span=None, save_at=(), args=None):
        return self.odeint(x, t_span, save_at, args)

    def trajectory(self, x, t_span):
        """The states at the times, without gradients."""
        with torch.no_grad():
            return self.odeint(x, t_span)[1]

    def __repr__(self):
        rtol, atol = self.tolerances
        numbers = sum(p.numel() for p in self.vf.parameters())
        return (f"{type(self).__name__}(order={self.vf.order}, solver={self.solver}, sensitivity={self.sensitivity!r}, rtol={rtol}, atol={atol}; "
                f"{numbers} parameters, NFE: {self.vf.nfe})")


class MultipleShootingProblem(torch.nn.Module):
    """(times, states [time, batch, …]) from x, by odeint_mshooting; x' = vector_field(x) or vector_field(t, x).

    Gradients are those of the corrections made, by PyTorch; the other arguments of torchdyn's are taken, and change nothing.
    """

    def __init__(self, vector_field, solver, sensitivity="autograd", maxiter=4, fine_steps=4, solver_adjoint=None, atol_adjoint=1e-6,
                 rtol_adjoint=1e-6, seminorm=False, integral_loss=None):
        super().__init__()
        shooting_method_of(solver)
        if integral_loss is not None:
            raise NotImplementedError(f"[{type(self).__name__}] integral_loss is not known here; make the integral a number of the state.")
        self.vf, self.solver, self.maxiter, self.fine_steps = DEFunc(vector_field), solver, maxiter, fine_steps

    def odeint(self, x, t_span, B0=None):
        return odeint_mshooting(self.vf, x, t_span, self.solver, B0=B0, fine_steps=self.fine_steps, maxiter=self.maxiter)

    def forward(self, x, t_span, B0=None):
        return self.odeint(x, t_span, B0)

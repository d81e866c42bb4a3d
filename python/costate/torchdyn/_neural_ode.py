"""A layer that is the solution of a differential equation."""

import contextlib
import inspect

import torch

from costate.torchdyn._cnf import CNF
from costate.torchdyn._layers import DataControl, depth
from costate.torchdyn._solve import adjoint, method_of, odeint, saved

_SENSITIVITIES = ("autograd", "adjoint", "interpolated_adjoint")


class Field(torch.nn.Module):
    """The field of a NeuralODE: of f(x) or f(t, x), of order n, where the state is x and its first n - 1 derivatives side by side."""

    def __init__(self, f, order):
        super().__init__()
        if not isinstance(order, int) or order < 1:
            raise ValueError(f"[NeuralODE] order must be a whole number from 1 on; got {order!r}.")
        self.vf, self.order, self.nfe = f, order, 0
        code = f.forward if isinstance(f, torch.nn.Module) else f
        names = list(inspect.signature(code).parameters)
        self.takes_t, self.takes_args = len(names) > 1 and names[0] == "t", "args" in names
        self.args = {}

    @contextlib.contextmanager
    def given(self, values):
        """While it lasts, layers of the field have what they need of a solve: (layer, attribute, value)."""
        before = [(layer, name, getattr(layer, name)) for layer, name, _ in values]
        try:
            for layer, name, value in values:
                setattr(layer, name, value)
            yield
        finally:
            for layer, name, value in before:
                setattr(layer, name, value)

    def _layers(self, kind):
        return [part for part in self.modules() if isinstance(part, kind)]

    def inputs_of(self, x):
        """What a solve from x gives to layers, for given()."""
        for flow in self._layers(CNF):
            flow.draw(x)
        return [(part, "u", x) for part in self._layers(DataControl)]

    def _costate_later(self):
        """The field for evaluations after its solve, as a solve backwards needs them: with what the layers have now."""
        values = [(self, "args", self.args), *((part, "u", part.u) for part in self._layers(DataControl))]

        def later(t, x):
            with self.given(values):
                return self(t, x)
        return later

    def _slope(self, t, x):
        more = {"args": self.args} if self.takes_args else {}
        return self.vf(t, x, **more) if self.takes_t else self.vf(x, **more)

    def forward(self, t, x):
        self.nfe += 1
        with depth(t):
            slope = self._slope(t, x)
        if self.order == 1:
            return slope
        if x.shape[1] % self.order:
            raise ValueError(f"[NeuralODE] a state of order {self.order} must have a multiple of that many numbers; got {x.shape[1]}.")
        size = x.shape[1] // self.order
        return torch.cat([x[:, size:], slope], dim=1)


class NeuralODE(torch.nn.Module):
    """x(t) from x(t_span[0]) = x, x' = vector_field(x) or vector_field(t, x): (t_eval, states [time, batch, …]).

    sensitivity  'autograd': the gradient of the steps taken; 'adjoint' and 'interpolated_adjoint': by a solve backwards.
    order        of the equation. The other arguments are torchdyn's; integral_loss is not known here.
    """

    def __init__(self, vector_field, solver="tsit5", order=1, atol=1e-3, rtol=1e-3, sensitivity="autograd", solver_adjoint=None,
                 atol_adjoint=1e-4, rtol_adjoint=1e-4, interpolator=None, integral_loss=None, seminorm=False, return_t_eval=True,
                 optimizable_params=()):
        super().__init__()
        if sensitivity not in _SENSITIVITIES:
            raise ValueError(f"[NeuralODE] sensitivity must be one of {', '.join(_SENSITIVITIES)}; got {sensitivity!r}.")
        if integral_loss is not None:
            raise NotImplementedError("[NeuralODE] integral_loss is not known here; make the integral a number of the state.")
        if not callable(vector_field):
            raise TypeError(f"[NeuralODE] vector_field must be callable; got {type(vector_field).__name__}.")
        method_of(solver)
        self.vf, self.solver = Field(vector_field, order), solver
        self.tolerances, self.tolerances_adjoint = (rtol, atol), (rtol_adjoint, atol_adjoint)
        self.sensitivity, self.seminorm, self.return_t_eval = sensitivity, bool(seminorm), return_t_eval
        self.parameters_given = tuple(optimizable_params)

    def _solved(self, x, t_span, save_at, args):
        times = torch.linspace(0, 1, 2, dtype=x.dtype) if t_span is None else torch.as_tensor(t_span)
        with self.vf.given([*([(self.vf, "args", args)] if args else []), *self.vf.inputs_of(x)]):
            rtol, atol = self.tolerances
            if self.sensitivity == "autograd":
                return odeint(self.vf, x, times, self.solver, atol=atol, rtol=rtol, save_at=save_at)
            parameters = self.parameters_given or tuple(self.vf.parameters())
            states = adjoint(self.vf._costate_later(), x, times, method_of(self.solver), (rtol, atol), self.tolerances_adjoint, parameters, self.seminorm)
            return saved(times, states, save_at)

    def forward(self, x, t_span=None, save_at=(), args=None):
        times, states = self._solved(x, t_span, save_at, args)
        return (times, states) if self.return_t_eval else states

    def trajectory(self, x, t_span):
        """The states at the times, without gradients."""
        with torch.no_grad():
            return self._solved(x, t_span, (), None)[1]

"""The field of a layer: what a user's net is to the solver."""

import contextlib
import inspect

import torch

from costate.torchdyn.models._cnf import CNF
from costate.torchdyn.nn._node_layers import DataControl, depth


class DEFunc(torch.nn.Module):
    """The field of f(x) or f(t, x), of order n, where the state is x and its first n - 1 derivatives side by side.

    While `carries_loss`, the state [batch, …] has the integral of `integral_loss` (t, x) as its first column.
    """

    def __init__(self, f, order=1, integral_loss=None):
        super().__init__()
        if not callable(f):
            raise TypeError(f"[NeuralODE] vector_field must be callable; got {type(f).__name__}.")
        if not isinstance(order, int) or order < 1:
            raise ValueError(f"[NeuralODE] order must be a whole number from 1 on; got {order!r}.")
        if integral_loss is not None and not callable(integral_loss):
            raise TypeError(f"[NeuralODE] integral_loss must be callable, integral_loss(t, x); got {type(integral_loss).__name__}.")
        self.vf, self.order, self.nfe = f, order, 0
        self.integral_loss, self.carries_loss = integral_loss, False
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

    def inputs_of(self, x, carries_loss):
        """What a solve from x gives to layers, for given(). The data are x without the columns of losses and densities."""
        flows = self._layers(CNF)
        more = len(flows) + carries_loss
        for flow in flows:
            flow.draw(x)
        controls = self._layers(DataControl)
        return [(self, "carries_loss", carries_loss), *((part, "u", x[:, more:] if more else x) for part in controls)]

    def _costate_later(self):
        """The field for evaluations after its solve, as a solve backwards needs them: with what the layers have now."""
        values = [(self, "args", self.args), (self, "carries_loss", self.carries_loss), *((part, "u", part.u) for part in self._layers(DataControl))]

        def later(t, x):
            with self.given(values):
                return self(t, x)
        return later

    def _slope(self, t, x, args):
        more = {"args": args} if self.takes_args else {}
        with depth(t):
            return self.vf(t, x, **more) if self.takes_t else self.vf(x, **more)

    def _of_order(self, t, x, args):
        slope = self._slope(t, x, args)
        if self.order == 1:
            return slope
        if x.shape[1] % self.order:
            raise ValueError(f"[NeuralODE] a state of order {self.order} must have a multiple of that many numbers; got {x.shape[1]}.")
        size = x.shape[1] // self.order
        return torch.cat([x[:, size:], slope], dim=1)

    def rate_of_loss(self, t, x):
        """integral_loss [batch, 1] at a state without its loss."""
        rate = self.integral_loss(t, x)
        return rate.reshape(len(x), 1)

    def forward(self, t, x, args=None):
        self.nfe += 1
        args = args or self.args
        if not self.carries_loss:
            return self._of_order(t, x, args)
        return torch.cat([self.rate_of_loss(t, x[:, 1:]), self._of_order(t, x[:, 1:], args)], dim=1)

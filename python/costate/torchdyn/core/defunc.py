"""The field of a layer: what a user's net is to the solver."""

import contextlib
import inspect

import torch

from costate.torchdyn._absent import attributes
from costate.torchdyn.nn._node_layers import depth

__getattr__ = attributes(__name__, ("DEFunc",))


def _arguments(f):
    """Whether f takes the time, and whether it takes `args`. TypeError for one that has the time behind the state."""
    parameters = inspect.signature(f.forward if isinstance(f, torch.nn.Module) else f).parameters.values()
    names = [p.name for p in parameters]
    if names[1:2] == ["t"]:
        raise TypeError(f"[NeuralODE] vector_field must have the time before the state, (t, {names[0]}); got ({', '.join(names)}).")
    needed = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty and p.name != "args"]
    takes_t = len(names) > 1 and (names[0] == "t" or len(needed) > 1)
    named = any(p.name == "args" and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters)
    return takes_t, named or (takes_t and any(p.kind is p.VAR_KEYWORD for p in parameters))


class DEFunc(torch.nn.Module):
    """The field of f(x) or f(t, x), of order n, where the state is x and its first n - 1 derivatives side by side.

    While `carries_loss`, the state [batch, …] has the integral of `integral_loss` (t, x) as its first column. Parts of f that have an attribute
    `t` have the time in it while they are evaluated; those with `_control` have the start of the solve, those with `trace_estimator` a column of
    densities in front of the state, and new noise of their `noise_dist`: the layers here, and any that a program writes for torchdyn.
    """

    def __init__(self, vector_field, order=1, integral_loss=None):
        super().__init__()
        if not callable(vector_field):
            raise TypeError(f"[NeuralODE] vector_field must be callable; got {type(vector_field).__name__}.")
        if not isinstance(order, int) or order < 1:
            raise ValueError(f"[NeuralODE] order must be a whole number from 1 on; got {order!r}.")
        if integral_loss is not None and not callable(integral_loss):
            raise TypeError(f"[NeuralODE] integral_loss must be callable, integral_loss(t, x); got {type(integral_loss).__name__}.")
        self.vf, self.order, self.nfe = vector_field, order, 0
        self.integral_loss, self.carries_loss = integral_loss, False
        self.takes_t, self.takes_args = _arguments(vector_field)
        self.args = {}

    def _load_from_state_dict(self, state_dict, prefix, *more):
        """Takes a state of torchdyn's, too, where a field of x alone is one `vf` deeper, and one without parameters has a number of no use."""
        deeper = prefix + "vf.vf."
        if not hasattr(self.vf, "vf"):
            for key in [key for key in state_dict if key.startswith(deeper)]:
                state_dict[prefix + "vf." + key.removeprefix(deeper)] = state_dict.pop(key)
        state_dict.pop(prefix + "dummy_parameter", None)
        super()._load_from_state_dict(state_dict, prefix, *more)

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

    def _with(self, name):
        """The parts that have an attribute of their own."""
        return [part for part in self.modules() if name in vars(part)]

    def inputs_of(self, x, carries_loss):
        """What a solve from x gives to layers, for given(). The data are x without the columns of losses and densities."""
        flows = self._with("trace_estimator")
        more = len(flows) + carries_loss
        for flow in flows:
            flow.noise = None if flow.noise_dist is None else flow.noise_dist.sample((x.shape[0],)).to(x)
        controls = self._with("_control")
        return [(self, "carries_loss", carries_loss), *((part, "_control", x[:, more:] if more else x) for part in controls)]

    def _costate_later(self):
        """The field for evaluations after its solve, as a solve backwards needs them: with what the layers have now."""
        values = [(self, "args", self.args), (self, "carries_loss", self.carries_loss), *((part, "_control", part._control) for part in self._with("_control"))]

        def later(t, x):
            with self.given(values):
                return self(t, x)
        return later

    def _slope(self, t, x, args):
        more = {"args": args} if self.takes_args else {}
        with depth(t), self.given([(part, "t", t) for part in self._with("t")]):
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

"""A record of ATen operations as operations of a Costate trace, for one sample."""

import numpy as np
import torch

import costate
from costate.torch import _elementwise, _structure
from costate.torch._recorder import CannotCapture, Ref, refs_of
from costate.torch._values import Mixing, Value, name_of

RULES = _elementwise.RULES | _structure.RULES
# Ways to look at a tensor that cost a program nothing: done in the trace for parameters, too.
VIEWS = {"t", "transpose", "permute", "slice", "select", "view", "reshape", "unsqueeze", "squeeze", "detach", "alias", "expand", "_unsafe_view", "split",
         "unbind", "clone"}
# Results that do not depend on the numbers of their operands.
CREATIONS = {"ones_like", "zeros_like", "empty_like", "full_like", "new_zeros", "new_ones", "new_full", "new_empty"}


class Translation:
    """Goes through a Capture's nodes (_capture.py) in a trace; `inputs` are Values by index."""

    def __init__(self, capture, inputs):
        self.capture, self.values = capture, dict(inputs)

    def sample_shape(self, index):
        """The shape of a recorded value for one sample, and what its first axis is."""
        return self.capture.sample_shape(index)

    def constant(self, value):
        """The numbers of an index, which must be known."""
        if isinstance(value.array, np.ndarray):
            return torch.from_numpy(np.asarray(value.array))
        raise CannotCapture("it takes numbers at places that depend on numbers")

    def value(self, index):
        """Computes what it needs, from the outputs back."""
        stack = [index]
        while stack:
            index = stack[-1]
            if index in self.values:
                stack.pop()
                continue
            constant = self.capture.constant(index)
            if constant is not None:
                self.values[index] = constant
                continue
            node = self.capture.producer[index]
            missing = [ref.index for ref in refs_of((node.args, node.kwargs)) if ref.index not in self.values]
            if missing:
                stack.extend(missing)
                continue
            self._run(node)
        return self.values[index]

    def _run(self, node):
        name = name_of(node)
        rule = RULES.get(name)
        if rule is None:
            raise CannotCapture(f"it uses {node.func.name()}, which costate.torch does not translate")
        try:
            found = rule(self, node, *self._resolved(node.args), **self._resolved(node.kwargs))
        except (Mixing, CannotCapture):
            raise
        except (TypeError, costate.Error) as error:
            raise CannotCapture(f"{node.func.name()} has no translation here: {str(error).removesuffix('.')}") from error
        for output, value in zip(node.outputs, found if isinstance(found, list) else [found]):
            if output is not None and value is not None:
                if output in self.capture.stopped and not isinstance(value.array, np.ndarray):
                    value = Value(costate.stop_gradient(value.array), value.kind)
                self.values[output] = value

    def _resolved(self, value):
        if isinstance(value, Ref):
            return self.values[value.index]
        if isinstance(value, (list, tuple)):
            return [self._resolved(x) for x in value]
        if isinstance(value, dict):
            return {key: self._resolved(x) for key, x in value.items() if key not in ("memory_format", "layout", "device", "pin_memory", "non_blocking")}
        return value
